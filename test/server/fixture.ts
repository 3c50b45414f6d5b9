import { configSchema } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { deliveryRows } from '../../src/delivery/outbox.ts'
import type { PipelineStatus, ServerDeps } from '../../src/server/deps.ts'
import { AlertFeed } from '../../src/server/feed.ts'
import { alertRow } from '../../src/store/rows.ts'
import type { Store } from '../../src/store/store.ts'

export const TOKENS = [
  { name: 'wall', token: 'viewer-token-0123456789', role: 'viewer' },
  { name: 'ops', token: 'operator-token-0123456789', role: 'operator' },
] as const

export const serverConfig = (changes: object = {}) => configSchema.parse({ server: { port: 0, ...changes } }).server

export const idle: PipelineStatus = { records: 0, events: 0, alerts: 0, deadLetters: 0, watermark: null, lag: [], problems: [] }

type ReadStore = Omit<ServerDeps['store'], 'insert'>

/** A store without `insert` takes everything and keeps nothing. */
export function makeDeps(store: ReadStore | ServerDeps['store'], changes: Partial<ServerDeps> = {}): ServerDeps {
  return {
    version: '0.0.0-test',
    store: 'insert' in store ? store : { ...store, insert: async () => {} },
    status: () => idle,
    alerts: new AlertFeed(),
    detectors: [{ name: 'query-shift', category: 'extraction', version: 1, title: 'Queries shift', consumes: ['call'], enabled: true }],
    decisions: () => ({
      budget: { perDay: 1, day: 1_772_582_400_000_000, spent: { extraction: 0.25, poisoning: 0, activation: 0, signal: 0, trust: 0 } },
      populations: [
        { detector: 'query-shift', population: 'prod/chat', subjects: 40, lacks: null, since: 1_772_409_600_000_000, frozen: null },
        {
          detector: 'query-shift',
          population: 'prod/code',
          subjects: 3,
          lacks: '28 more subjects',
          since: 1_772_409_600_000_000,
          frozen: null,
        },
      ],
      looks: [],
      expectations: [],
    }),
    inputs: () => ['http://127.0.0.1:4318', 'grpc://127.0.0.1:4317'],
    webhooks: () => [],
    receivers: [],
    testWebhook: async () => null,
    act: async () => {},
    replayWebhooks: async () => [],
    backup: async () => ({ time: '', version: '', files: {} }),
    resend: async () => {},
    pseudonym: (value) => `h-${value}`,
    settings: () => 'server:\n  port: 8686\n',
    metrics: async () => 'tidewatch_events_total 1\n',
    ...changes,
  }
}

const webhooks = configSchema.parse({
  webhooks: [{ name: 'pager', url: 'https://pager.example/', secret: `whsec_${'A'.repeat(32)}` }],
}).webhooks

/** What the pipeline does with alerts: into the store with their outbox rows, then to those who listen. */
export async function storeAlerts(store: Store, alerts: readonly Alert[]): Promise<void> {
  const token = alerts.map((alert) => alert.id).join()
  await store.insert('alerts', alerts.map(alertRow), `alerts/${token}`)
  await store.insert('webhook_deliveries', deliveryRows(alerts, webhooks), `deliveries/${token}`)
}
