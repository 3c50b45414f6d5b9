import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configSchema } from '../../src/config/schema.ts'
import { openStore } from '../../src/store/open.ts'
import { seen, undisturbed } from '../integrity/watching.ts'
import { startClickHouse } from '../support/clickhouse-http/start.ts'
import { differences } from '../support/stored-rows.ts'
import { bookkeeping } from './bookkeeping.ts'
import type { Comparison, Deployment } from './deployment.ts'
import { commonSettings, post, waitForRest } from './instance.ts'

/** What differs from round to round: how often state is saved, when the journal gives segments up and forces them to the disk, how long calls wait. */
function varied(seed: number) {
  const pick = <T>(...values: readonly T[]) => values[Math.abs(seed) % values.length]!
  return {
    state: { checkpointEvery: { records: pick(12, 4, 30) } },
    journal: { segmentBytes: pick('64 MB', '20 KB'), fsync: pick('interval', 'always', 'never') },
    ingest: { joinWindow: pick('10s', '40s') },
  }
}

/** OTLP through the journal of one process, into the embedded engine or into a server. */
export async function journalDeployment(kind: 'chdb' | 'server', webhookUrl: string, seed: number): Promise<Deployment> {
  const directory = await mkdtemp(join(tmpdir(), 'tw-faults-'))
  const server = kind === 'server' ? await startClickHouse() : null
  const settings = { ...commonSettings(webhookUrl), ...varied(seed), ...(server && { store: { url: server.url, requestTimeout: '1s' } }) }
  const config = configSchema.parse(settings)
  const data = join(directory, 'data')
  return {
    server,
    cluster: null,
    settings: () => ({ directory: data, config: settings, args: [] }),
    send: async (request, [member]) => member !== undefined && post(request, member),
    settled: async ([member]) => member && waitForRest(member),
    async compare(): Promise<Comparison> {
      const found = await seen(data, config)
      const store = await openStore({ ...config, data: { directory: data } }, 'reader')
      const kept = await bookkeeping(store).finally(() => store.close())
      const expected = await undisturbed(data, join(directory, 'undisturbed'), config, found.last, 7)
      const alerts =
        JSON.stringify(found.alerts) === JSON.stringify(expected.alerts) ? [] : ['alerts: not the same bytes in the same order']
      return {
        differences: [...differences(found.rows, expected.rows), ...alerts, ...kept],
        webhooks: new Map(expected.told.map((alert) => [alert.id, JSON.stringify(alert)])),
        rows: Object.fromEntries(Object.entries(expected.rows).map(([table, rows]) => [table, rows.length])),
      }
    },
    async close() {
      await server?.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
