import files from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { onReach } from '../../src/crash-point.ts'

/**
 * Loaded into the process under test before anything else (`--import`): dies, or stops (SIGSTOP), when it comes to a named point; shifts what
 * the process believes to be the time. Told what to do over the channel to the process that started it, or by `TIDEWATCH_FAULTS` before its
 * first step. It tells every point that it reaches. Segments that the journal gives up are moved beside it, for the run that nothing disturbs.
 */
export interface Orders {
  /** Point, or `*` for any, that is reached for the `nth` time from now. */
  readonly at?: { readonly point: string; readonly nth: number; readonly action: 'kill' | 'freeze' } | null
  /** Milliseconds that the clock goes ahead; negative: behind. */
  readonly clock?: number
}

export type Told = { readonly reached: string } | { readonly frozen: string }

let at: NonNullable<Orders['at']> | null = null
let left = 0
let shift = 0

const RealDate = Date
globalThis.Date = class extends RealDate {
  constructor(...given: [] | [number]) {
    if (given.length === 0) super(RealDate.now() + shift)
    else super(...given)
  }

  static override now(): number {
    return RealDate.now() + shift
  }
} as DateConstructor

function follow(orders: Orders): void {
  if (orders.at !== undefined) {
    at = orders.at
    left = at?.nth ?? 0
  }
  if (orders.clock !== undefined) shift = orders.clock
}

const { rm } = files
files.rm = async (path, options) => {
  const journal = dirname(String(path))
  if (basename(journal) !== 'journal') return rm(path, options)
  const released = join(dirname(journal), 'released')
  await files.mkdir(released, { recursive: true })
  await files.rename(path, join(released, basename(String(path))))
}
syncBuiltinESMExports()

const tell = (told: Told) => process.connected && process.send?.(told)

onReach((point) => {
  if (at && (at.point === '*' || at.point === point) && --left === 0) {
    const { action } = at
    at = null
    if (action === 'kill') process.kill(process.pid, 'SIGKILL')
    tell({ frozen: point })
    process.kill(process.pid, 'SIGSTOP')
  }
  tell({ reached: point })
})

follow(JSON.parse(process.env.TIDEWATCH_FAULTS ?? '{}') as Orders)
process.on('message', (orders: Orders) => follow(orders))
// Whoever started it is gone, however that came.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.channel?.unref()
