import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { stringify } from 'yaml'
import type { Broken } from './broken.ts'
import type { Orders, Told } from './inside.ts'

const main = join(import.meta.dirname, '../../src/cli/main.ts')
const inside = join(import.meta.dirname, 'inside.ts')
const brokenFile = join(import.meta.dirname, 'broken.ts')

export interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A real `tidewatch run` that does what it is told: see `inside.ts`. */
export interface Member {
  /** Resolves when it watches; null where it ended before. */
  readonly watching: Promise<{ readonly otlp: string; readonly api: string } | null>
  readonly ended: Promise<End>
  alive(): boolean
  /** How often each point was reached so far. */
  readonly reached: ReadonlyMap<string, number>
  order(orders: Orders): void
  /** Resolves with the point at which it stopped as ordered, null where it ended before. */
  frozen(): Promise<string | null>
  kill(signal: NodeJS.Signals): void
  /** The last lines that it wrote. */
  said(): string
}

/** Starts one over a data folder. `orders` hold from its first step on; `broken` names a protection that it goes without. */
export async function startMember(
  directory: string,
  config: object,
  orders: Orders,
  { args = [], broken = null }: { readonly args?: readonly string[]; readonly broken?: Broken | null } = {},
): Promise<Member> {
  await mkdir(directory, { recursive: true })
  const file = join(directory, 'tidewatch.yaml')
  await writeFile(file, stringify(config))
  const own = [
    '--import',
    'tsx',
    '--import',
    inside,
    ...(broken === null ? [] : ['--import', brokenFile]),
    main,
    'run',
    '--config',
    file,
    '--data',
    directory,
    ...args,
  ]
  const child: ChildProcess = spawn(process.execPath, own, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, TIDEWATCH_FAULTS: JSON.stringify(orders), ...(broken !== null && { TIDEWATCH_BROKEN: broken }) },
  })
  const reached = new Map<string, number>()
  const said: string[] = []
  const stopped: ((point: string | null) => void)[] = []
  child.on('message', (told: Told) => {
    if ('reached' in told) reached.set(told.reached, (reached.get(told.reached) ?? 0) + 1)
    else for (const resolve of stopped.splice(0)) resolve(told.frozen)
  })
  child.on('error', () => {})
  const ended = once(child, 'close').then(([code, signal]): End => {
    for (const resolve of stopped.splice(0)) resolve(null)
    return { code, signal }
  })
  const watching = new Promise<{ otlp: string; api: string } | null>((resolve) => {
    createInterface({ input: child.stderr! }).on('line', (line) => {
      said.push(line)
      if (said.length > 60) said.shift()
      if (!line.startsWith('{')) return
      const { msg, otlpHttp, api } = JSON.parse(line) as { msg: string; otlpHttp: string; api: string }
      if (msg === 'watching') resolve({ otlp: otlpHttp, api })
    })
    void ended.then(() => resolve(null))
  })
  const alive = () => child.exitCode === null && child.signalCode === null
  return {
    watching,
    ended,
    alive,
    reached,
    order: (next) => void (alive() && child.connected && child.send(next, () => {})),
    frozen: () => (alive() ? new Promise((resolve) => stopped.push(resolve)) : Promise.resolve(null)),
    kill: (signal) => void child.kill(signal),
    said: () => said.join('\n'),
  }
}
