import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Config } from '../config/schema.ts'
import type { Alert } from '../decisions/alert.ts'
import { TidewatchError } from '../errors.ts'
import { filesSource } from '../sources/files.ts'
import { openRecordedJournal, type RecordedJournal } from '../sources/journal/recorded.ts'
import { openKafkaRange } from '../sources/kafka/range.ts'
import type { Lack, RangeWish } from '../sources/kafka/range-bounds.ts'
import { isAction, openActionKey } from '../stages/action-record.ts'
import { type LogReplayOptions, replayLog } from '../stages/replay.ts'
import { replayEvents } from '../stages/replay-events.ts'
import type { ReplaySummary } from '../stages/replay-summary.ts'
import { lockData } from '../store/data-lock.ts'
import { openStore } from '../store/open.ts'
import type { Store } from '../store/store.ts'
import { isoMicros } from '../telemetry/time.ts'
import { needVectors } from './stored-events.ts'
import { type StoredSpan, storedEvents } from './stored-rows.ts'

export type TrafficOptions = Omit<LogReplayOptions, 'actionKey'>

/** Recorded traffic that configurations are tried on, again and again. */
export interface Traffic {
  /** What it is, for people. */
  readonly name: string
  /** `raw`: the records as they came; `rows`: what the store keeps of them. */
  readonly kind: 'raw' | 'rows'
  /** Detectors that cannot say anything about it. */
  readonly blind: readonly string[]
  /** What is not there of what was asked for; complete once it was run over. */
  lacks(): readonly string[]
  /** Runs a configuration over it, from empty state on. */
  run(config: Config, options: TrafficOptions): Promise<ReplaySummary>
  /** Alerts of the same span that the store holds; null where there is no store. */
  history(): Promise<readonly Alert[] | null>
  close(): Promise<void>
}

/** Files as one log. */
export function filesTraffic(files: readonly string[]): Traffic {
  return {
    ...raw(files.length === 1 ? files[0]! : `${files.length} files`, () => []),
    run: (config, options) => {
      const limits = { maxRecordBytes: config.ingest.maxRecordBytes, keepBytes: config.deadLetters.maxBytes }
      return replayLog(filesSource(files, limits), config, options)
    },
  }
}

/**
 * Ranges of topics. `kafka` says which brokers. Of the topic that the decide stage reads only what people did is taken: the rest is made anew. Throws what
 * `openKafkaRange` throws.
 */
export async function kafkaTraffic(kafka: Config['kafka'], wishes: readonly RangeWish[]): Promise<Traffic> {
  if (kafka.brokers.length === 0) throw new TidewatchError('TW_USAGE', '--kafka needs brokers: kafka.brokers of --config, or --brokers')
  const { events, observations } = kafka.topics
  if (wishes.some(({ topic }) => topic === events))
    throw new TidewatchError('TW_USAGE', `${events} is what Tidewatch made of telemetry; name the topics that it came in`)
  const range = await openKafkaRange(kafka, wishes, {
    log: pino({ level: 'silent' }),
    leaveOut: (topic, record) => topic === observations && !isAction(record),
  })
  const name = range.parts.map(({ topic, partition, first, end }) => `${topic}:${partition}@${first}..${end}`).join(' ')
  return {
    ...raw(name, () => range.lacks.map(lackOf)),
    async run(config, options) {
      // Actions in the log count where the key that signed them is known.
      const actionKey = config.identity.key === undefined ? {} : { actionKey: await openActionKey(config) }
      return replayLog(range.source(), config, { ...options, ...actionKey })
    },
    close: () => range.close(),
  }
}

/**
 * What a deployment stored between two event times: the raw records of its journal where that reaches back so far (`prefer` decides otherwise), else
 * the rows of the store. The configuration says where both are. Throws TW_STORE_BUSY where rows are needed and an instance has the embedded store,
 * TW_NOT_FOUND where nothing is stored.
 */
export async function storedTraffic(config: Config, span: StoredSpan, prefer: 'raw' | 'rows' | null): Promise<Traffic> {
  const directory = join(config.data.directory, 'journal')
  const journal = prefer === 'rows' || config.kafka.brokers.length > 0 ? null : await openRecordedJournal(directory)
  if (prefer === 'raw' && !journal) throw new TidewatchError('TW_NOT_FOUND', `a journal in ${directory}`)
  const store = new OpenedLater(config)
  if (journal && (prefer === 'raw' || reachesBack(journal, span))) return journalTraffic(config, journal, span, store)
  try {
    return await rowsTraffic(span, store)
  } catch (error) {
    await store.close()
    throw error
  }
}

function journalTraffic(config: Config, journal: RecordedJournal, span: StoredSpan, store: OpenedLater): Traffic {
  let damaged = 0
  const lacks = () => [
    ...(reachesBack(journal, span)
      ? []
      : [
          `the journal gave up what was received before ${isoMicros((journal.oldestReceived ?? 0) * 1000)}; --stored rows reaches back further`,
        ]),
    ...(damaged > 0 ? [`${damaged} records of the journal cannot be read`] : []),
  ]
  return {
    ...raw(`records of the journal in ${config.data.directory}${spanOf(span)}`, lacks),
    async run(tried, options) {
      // The folder has the keys that identities were hashed and actions were signed with.
      const own = { ...tried, data: config.data }
      const millis = (micros: number | null) => (micros === null ? null : micros / 1000)
      damaged = 0
      const source = journal.source({ from: millis(span.from), to: millis(span.to) }, (records) => {
        damaged += records
      })
      return replayLog(source, own, { ...options, actionKey: await openActionKey(own) })
    },
    history: async () => storedAlerts(await store.get(), span),
    close: () => store.close(),
  }
}

async function rowsTraffic(span: StoredSpan, store: OpenedLater): Promise<Traffic> {
  const { total, events } = await storedEvents(await store.get(), span)
  return {
    name: `${total} stored events${spanOf(span)}`,
    kind: 'rows',
    blind: needVectors,
    lacks: () => ['embeddings, activations and sketches of updates are not stored, nor are clock ticks and actions'],
    run: (config, options) => replayEvents(events(), total, config, options),
    history: async () => storedAlerts(await store.get(), span),
    close: () => store.close(),
  }
}

/** Raw records that nothing is known of but what they are. */
function raw(name: string, lacks: () => readonly string[]): Omit<Traffic, 'run'> {
  return { name, kind: 'raw', blind: [], lacks, history: async () => null, close: async () => {} }
}

async function storedAlerts(store: Store, { from, to }: StoredSpan): Promise<Alert[]> {
  const rows = await store.query<{ alert: string }>(
    `SELECT alert FROM alerts FINAL WHERE time >= fromUnixTimestamp64Micro({from:Int64}, 'UTC') AND time < fromUnixTimestamp64Micro({to:Int64}, 'UTC')
     ORDER BY time, id`,
    { from: from ?? 0, to: to ?? 4_102_444_800_000_000 },
  )
  return rows.map(({ alert }) => JSON.parse(alert))
}

function reachesBack({ oldest, oldestReceived }: RecordedJournal, { from }: StoredSpan): boolean {
  return oldest === 0 || (from !== null && oldestReceived !== null && oldestReceived * 1000 <= from)
}

function spanOf({ from, to }: StoredSpan): string {
  return `${from === null ? '' : ` from ${isoMicros(from)}`}${to === null ? '' : ` to ${isoMicros(to)}`}`
}

function lackOf({ topic, partition, reason, from, to }: Lack): string {
  const where = `${topic}:${partition}`
  const offsets = `offsets ${from} to ${to - 1}`
  if (reason === 'not-written') return `${where} ends before the range does: ${offsets} are not written yet`
  if (reason === 'open-transaction') return `${where}: ${offsets} are held back by a transaction that is not ended`
  return from === null
    ? `${where} begins at offset ${to}: what was appended before it is gone, and may have been in the range`
    : `${where}: ${offsets} are gone, retention took them`
}

/** The store of a configuration, opened when somebody asks for it. */
class OpenedLater {
  private readonly config: Config
  private opening: Promise<{ readonly store: Store; release(): Promise<void> }> | null = null

  constructor(config: Config) {
    this.config = config
  }

  async get(): Promise<Store> {
    this.opening ??= this.open()
    return (await this.opening).store
  }

  async close(): Promise<void> {
    const opened = await this.opening?.catch(() => null)
    await opened?.store.close()
    await opened?.release()
  }

  private async open() {
    const { config } = this
    const embedded = config.store.url === undefined
    const directory = config.data.directory
    // Nothing is made where nothing is.
    if (embedded && !existsSync(join(directory, 'store'))) throw new TidewatchError('TW_NOT_FOUND', `a store in ${directory}`)
    const lock = embedded ? await lockData(directory) : null
    try {
      const store = await openStore(config, 'backtest')
      return { store, release: async () => lock?.release() }
    } catch (error) {
      await lock?.release()
      throw error
    }
  }
}
