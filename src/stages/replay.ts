import type { Config } from '../config/schema.ts'
import { deliveryRows } from '../delivery/outbox.ts'
import { filesSource } from '../sources/files.ts'
import type { RecordedLog } from '../sources/recorded-log.ts'
import { FORMAT_VERSION } from '../store/insert.ts'
import { openStore } from '../store/open.ts'
import { batchRows } from '../store/rows.ts'
import type { RangeKey, Store } from '../store/store.ts'
import type { ActionKey } from './action-record.ts'
import type { Claims } from './claims.ts'
import { fileClaims } from './file-claims.ts'
import { openMapper } from './mapper.ts'
import { type Outcome, OutcomeBuilder } from './outcome.ts'
import { Pipeline } from './pipeline.ts'
import { PoisonGuard } from './poison.ts'
import { type ReplaySummary, SummaryCounts } from './replay-summary.ts'
import { Stages } from './stages.ts'

/** How far a replay has come. */
export interface ReplayProgress {
  /** Of the log, 0..1. */
  readonly share: number
  readonly events: number
  /** Event time, microseconds; null before the first event. */
  readonly watermark: number | null
}

export interface LogReplayOptions {
  /** Told of every range in log order; the replay waits for it. */
  readonly onOutcome: (outcome: Outcome) => Promise<void>
  readonly onProgress?: (progress: ReplayProgress) => void
  /** What actions in the log are signed with. Absent: there are none, and a record that claims to be one is refused. */
  readonly actionKey?: ActionKey
}

export interface ReplayOptions extends Omit<LogReplayOptions, 'actionKey'> {
  /** Folder of an embedded store that keeps what the files hold; null stores nothing. */
  readonly storeDirectory: string | null
}

/**
 * Runs the whole pipeline over files as one ordered log and ends. What the store already has of the same files (a replay that was broken off) is
 * told again but not stored again. Rejects where a file cannot be read to its end.
 */
export async function replayFiles(files: readonly string[], config: Config, options: ReplayOptions): Promise<ReplaySummary> {
  const { storeDirectory } = options
  const source = filesSource(files, { maxRecordBytes: config.ingest.maxRecordBytes, keepBytes: config.deadLetters.maxBytes })
  const store = storeDirectory === null ? null : await openReplayStore(config, storeDirectory)
  const kept = store && { store, claims: fileClaims(storeDirectory!), end: () => source.end() }
  return run(source, config, options, kept).finally(() => store?.close())
}

/**
 * Runs the whole pipeline over a recorded log and ends; stores nothing. Batches are taken as they come, so the order in which a log of several
 * partitions delivers them is what results depend on. Rejects where the log cannot be read to its end.
 */
export function replayLog(log: RecordedLog, config: Config, options: LogReplayOptions): Promise<ReplaySummary> {
  return run(log, config, options, null)
}

/** Where what is replayed is stored: the log is one ordered one, whose range so far `end` tells. */
interface Kept {
  readonly store: Store
  readonly claims: Claims
  readonly end: () => RangeKey
}

async function run(source: RecordedLog, config: Config, options: LogReplayOptions, kept: Kept | null): Promise<ReplaySummary> {
  const counts = new SummaryCounts()
  const note = async (outcome: Outcome, records: number) => {
    counts.add(outcome, records)
    await options.onOutcome(outcome)
    options.onProgress?.({ share: source.progress(), events: counts.events, watermark: pipeline.watermark })
  }
  const rowsOf = (outcome: Outcome) => batchRows({ ...outcome, deliveries: deliveryRows(outcome.alerts, config.webhooks) })
  const mapper = await openMapper(config)
  const pipeline = new Pipeline({
    createStages: () => new Stages(config, mapper, options.actionKey),
    guard: new PoisonGuard(config.deadLetters.maxShare, config.deadLetters.maxRun),
    base: { salt: REPLAY_SALT, format: FORMAT_VERSION },
    stored: async (topic, epoch, partition) => (await kept?.store.lastRange(topic, epoch, partition))?.last ?? null,
    claims: kept?.claims ?? null,
    checkpoints: null,
    write: async ({ range, base, records, outcome }) => {
      await kept?.store.write({ range, base, rows: rowsOf(outcome) })
      await note(outcome, records)
    },
    written: () => {},
    heldBack: note,
  })
  try {
    await source.start((batch, context) => pipeline.handle(batch, context))
    await source.ended
    const rest = new OutcomeBuilder()
    pipeline.current.finish(rest)
    if (kept) {
      const end = kept.end()
      const behind = { ...end, first: end.last + 1, last: end.last + 1 }
      const stored = await kept.store.lastRange(end.topic, end.epoch, end.partition)
      if (!stored || stored.last < behind.last) await kept.store.write({ range: behind, rows: rowsOf(rest) })
    }
    await note(rest, 0)
  } finally {
    await source.stop()
  }
  return counts.summary(pipeline.current.decisions)
}

/** The same files under another configuration are the same log: what is stored stays. */
const REPLAY_SALT = 'replay'

async function openReplayStore(config: Config, directory: string): Promise<Store> {
  const store = await openStore({ ...config, data: { directory }, store: { ...config.store, url: undefined } }, REPLAY_SALT)
  await store.migrate()
  return store
}
