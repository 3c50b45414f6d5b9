import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configSchema } from '../src/config/schema.ts'
import { countIncidents, readIncident, readIncidents, readRelated } from '../src/server/reads.ts'
import { openStore } from '../src/store/open.ts'
import { insertIncidents } from './support/incidents.ts'
import type { Report } from './support/report.ts'
import { timesOf } from './support/times.ts'

const incidents = 100_000
const promisedMilliseconds = 200
const perPage = 50
const first = { time: Number.MAX_SAFE_INTEGER, key: '' }

/** What the console asks of a hundred thousand incidents in the embedded store. */
export async function run(): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), 'tidewatch-bench-console-'))
  const store = await openStore(configSchema.parse({ data: { directory } }), 'bench')
  try {
    await store.migrate()
    await insertIncidents(store, incidents)
    const [{ incident, far }] = (await store.query<{ incident: string; far: number }>(
      'SELECT argMax(incident, time) AS incident, toUnixTimestamp64Micro(quantileExact(0.1)(time)) AS far FROM incidents',
    )) as [{ incident: string; far: number }]
    const page = (filter: Parameters<typeof readIncidents>[1], from = first) => readIncidents(store, filter, perPage, from)
    const asked: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['first page, open ones', () => page({ open: true })],
      ['first page, all', () => page({})],
      ['page 1,800', () => page({}, { time: far, key: '' })],
      ['by severity and category', () => page({ severity: 'critical', category: 'signal' })],
      ['by model', () => page({ model: 'model-3' })],
      ['search, a few found', () => page({ q: 'user-00777' })],
      ['search, all found', () => page({ q: 'different things' })],
      ['search, none found', () => page({ q: 'nobody like that' })],
      ['counts', () => countIncidents(store, {})],
      ['counts of a search', () => countIncidents(store, { q: 'user-00777' })],
      [
        'one with its history and what refers to it',
        async () => {
          const texts = await readIncident(store, incident)
          return readRelated(store, JSON.parse(texts.at(-1)!))
        },
      ],
    ]
    const rows: string[][] = []
    let worst = 0
    for (const [what, ask] of asked) {
      const { wall, cpu } = await timesOf(ask)
      worst = Math.max(worst, wall)
      rows.push([what, wall.toFixed(0), cpu.toFixed(0)])
    }
    return {
      title: 'what the console asks of 100,000 incidents',
      about: `${incidents.toLocaleString('en')} incidents, three alerts each, pages of ${perPage}, in the embedded store. The quickest of seven after two, and its median processor time.`,
      columns: ['', 'ms', 'CPU ms'],
      rows,
      promises: [
        { text: `each within ${promisedMilliseconds} ms`, measured: `${worst.toFixed(0)} ms`, kept: worst <= promisedMilliseconds },
      ],
    }
  } finally {
    await store.close()
    await rm(directory, { recursive: true, force: true })
  }
}
