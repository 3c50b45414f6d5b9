import { join } from 'node:path'
import { pino } from 'pino'
import { configHash } from '../config/hash.ts'
import type { Config } from '../config/schema.ts'
import { showConfig } from '../config/show.ts'
import { Dispatcher } from '../delivery/dispatcher.ts'
import { replayDeliveries } from '../delivery/replay.ts'
import { TidewatchError } from '../errors.ts'
import { createServer, type Server } from '../server/app.ts'
import { detectorSummaries } from '../server/detector-summaries.ts'
import { AlertFeed } from '../server/feed.ts'
import { Journal } from '../sources/journal/journal.ts'
import { lockData } from '../store/data-lock.ts'
import { openStore } from '../store/open.ts'
import { actionHeaders, openActionKey } from './action-record.ts'
import { backUp } from './backup.ts'
import { openPseudonym } from './mapper.ts'
import { noDecisions } from './processing.ts'
import { replayHeaders } from './replay-record.ts'

type Content = { readonly signal: 'traces' | 'metrics' | 'logs'; readonly value: Uint8Array }

/**
 * The API over a data folder that nobody runs on, for as long as `ask` takes: it locks the folder, opens store and journal, and listens nowhere. What is
 * written into the log or the outbox takes effect when the next instance starts. Throws TW_STORE_BUSY where a process took the folder meanwhile.
 */
export async function askResting<T>(config: Config, version: string, ask: (server: Server['app']) => Promise<T>): Promise<T> {
  const lock = await lockData(config.data.directory)
  try {
    const store = await openStore(config, `${config.kafka.groupId}|${configHash(config)}`)
    try {
      await store.migrate()
      const { webhooks, server: settings } = config
      const log = pino({ level: 'silent' })
      const key = await openActionKey(config)
      const server = createServer(
        // Whoever may open the folder may do everything.
        { ...settings, host: '127.0.0.1', tokens: [] },
        {
          version,
          store,
          status: () => ({ records: 0, events: 0, alerts: 0, deadLetters: 0, watermark: null, lag: [], problems: [] }),
          alerts: new AlertFeed(),
          // State is not read here: what was armed is known to who runs.
          decisions: () => noDecisions(config),
          detectors: detectorSummaries(config.decisions.disabled),
          inputs: () => [],
          webhooks: () => [],
          receivers: webhooks,
          testWebhook: (name) => new Dispatcher({ store, webhooks, allowNetworks: config.delivery.allowNetworks, log }).test(name),
          replayWebhooks: (selection) =>
            replayDeliveries(
              store,
              webhooks.map(({ name }) => name),
              selection,
              Date.now(),
            ),
          act: (action) => append(config, actionHeaders(action, key), { signal: 'traces', value: new Uint8Array(0) }),
          resend: ({ letter, ...content }) => append(config, replayHeaders(letter, key), content),
          backup: (directory) => backUp(directory, { store, data: config.data.directory, version, quiet: (work) => work() }),
          pseudonym: await openPseudonym(config),
          settings: () => showConfig({ config, places: new Map() }, null),
          metrics: async () => '',
        },
      )
      try {
        return await ask(server.app)
      } finally {
        await server.close()
      }
    } finally {
      await store.close()
    }
  } finally {
    await lock.release()
  }
}

/** Writes a record behind all others of the journal. With brokers the log is Kafka's, which a running instance writes to. */
async function append(config: Config, headers: Readonly<Record<string, string>>, content: Content): Promise<void> {
  if (config.kafka.brokers.length > 0) throw new TidewatchError('TW_INSTANCE_UNREACHABLE', 'this goes through Kafka, which needs one')
  const journal = await Journal.open({ ...config.journal, directory: join(config.data.directory, 'journal'), lowWater: () => 0 })
  try {
    await journal.append([{ ...content, headers, receivedAt: Date.now() }])
  } finally {
    await journal.close()
  }
}
