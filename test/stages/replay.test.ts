import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { onReach } from '../../src/crash-point.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { TidewatchError } from '../../src/errors.ts'
import { replayFiles } from '../../src/stages/replay.ts'
import { openStore } from '../../src/store/open.ts'
import { otlpTraffic } from '../support/otlp-traffic.ts'
import { differences, storedRows } from '../support/stored-rows.ts'

it('a replay into a store that is broken off and begun again tells everything, and stores everything once', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tw-replay-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  onTestFinished(() => onReach(null))
  const file = join(directory, 'traffic.traces.jsonl')
  // Padding, so that the file makes several ranges of 4 MB.
  const padding = [{ key: 'padding', value: { stringValue: 'x'.repeat(200_000) } }]
  const lines = otlpTraffic({ now: Date.UTC(2026, 2, 4, 15), people: 40 }).requests.map(({ resourceSpans: [spans] }) =>
    JSON.stringify({ resourceSpans: [{ ...spans, resource: { attributes: padding } }] }),
  )
  await writeFile(file, lines.join('\n'))
  const config = configSchema.parse({ identity: { hash: false } })

  const replay = async (store: string) => {
    const alerts: Alert[] = []
    const summary = await replayFiles([file], config, {
      storeDirectory: join(directory, store),
      onOutcome: async (outcome) => void alerts.push(...outcome.alerts),
    })
    return { summary, alerts }
  }
  const rowsOf = async (name: string) => {
    const store = await openStore({ ...config, data: { directory: join(directory, name) } }, 'read')
    const rows = await storedRows(store)
    await store.close()
    return rows
  }
  const undisturbed = await replay('undisturbed')
  expect(undisturbed.alerts.length).toBeGreaterThan(0)
  const expected = await rowsOf('undisturbed')

  let ranges = 0
  onReach((point) => {
    if (point === 'before-ranges' && ++ranges === 3) throw new TidewatchError('TW_SOURCE_POISONED', 'broken off')
  })
  await expect(replay('disturbed')).rejects.toThrow('broken off')
  onReach(null)
  expect(ranges).toBe(3)
  expect(await replay('disturbed')).toEqual(undisturbed)
  expect(differences(await rowsOf('disturbed'), expected)).toEqual([])
}, 60_000)
