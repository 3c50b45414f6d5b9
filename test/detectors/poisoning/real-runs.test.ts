import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { configSchema } from '../../../src/config/schema.ts'
import type { Alert } from '../../../src/decisions/alert.ts'
import { replayFiles } from '../../../src/stages/replay.ts'

const data = new URL('../../../../shared/data/poisoning/', import.meta.url)
const sets = ['samples-clean', 'samples-a', 'samples-b', 'samples-c']
const isThere = existsSync(data)
if (!isThere) console.warn(`skipped: there is no ${data.pathname}`)

describe.skipIf(!isThere)('real training runs, through the whole pipeline', () => {
  it.each(sets)(
    '%s: every source that poisons is named, and no honest one',
    async (set) => {
      const { attacks } = JSON.parse(readFileSync(new URL(`${set}.truth.json`, data), 'utf8')) as {
        attacks: { subjects: { id: string }[] }[]
      }
      const alerts: Alert[] = []
      const { pathname } = new URL(`${set}.logs.jsonl.gz`, data)
      await replayFiles([pathname], configSchema.parse({ identity: { hash: false } }), {
        storeDirectory: null,
        onOutcome: async (outcome) => {
          alerts.push(...outcome.alerts)
        },
      })
      const named = new Set(alerts.flatMap(({ members }) => members.filter(({ kind }) => kind === 'source').map(({ id }) => id)))
      expect([...named].sort()).toEqual(attacks.flatMap(({ subjects }) => subjects.map(({ id }) => id)).sort())
      for (const { category, run, evidence } of alerts) {
        expect(category).toBe('poisoning')
        expect(run).not.toBeNull()
        expect(String(evidence.summary).length).toBeGreaterThan(20)
      }
    },
    120_000,
  )
})
