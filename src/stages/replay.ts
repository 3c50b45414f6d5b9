import type { Config } from '../config/schema.ts'
import { deliveryRows } from '../delivery/outbox.ts'
import { filesSource } from '../sources/files.ts'
import { FORMAT_VERSION } from '../store/insert.ts'
import { openStore } from '../store/open.ts'
import { batchRows } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import { addTally, type Tally } from '../telemetry/tally.ts'
import { fileClaims } from './file-claims.ts'
import { openMapper } from './mapper.ts'
import { countBy, type Outcome, OutcomeBuilder } from './outcome.ts'
import { Pipeline } from './pipeline.ts'
import { PoisonGuard } from './poison.ts'
import { Stages } from './stages.ts'

export interface ReplayOptions {
  /** Folder of an embedded store that keeps what the files hold; null stores nothing. */
  readonly storeDirectory: string | null
  /** Told of every range in log order; the replay waits for it. */
  readonly onOutcome: (outcome: Outcome) => Promise<void>
  readonly onProgress?: (progress: { readonly share: number; readonly events: number }) => void
}

export interface ReplaySummary {
  readonly records: number
  readonly events: number
  readonly byKind: Readonly<Record<string, number>>
  readonly deadLetters: Readonly<Record<string, number>>
  readonly clamped: Readonly<Tally>
  /** Spans and log records that became no event of their own. */
  readonly ignored: Readonly<Tally>
  /** Populations that never had enough subjects to judge. */
  readonly warmUp: readonly { readonly detector: string; readonly population: string; readonly lacks: string }[]
}

/**
 * Runs the whole pipeline over files as one ordered log and ends. What the store already has of the same files (a replay that was broken off) is
 * told again but not stored again. Rejects where a file cannot be read to its end.
 */
export async function replayFiles(files: readonly string[], config: Config, options: ReplayOptions): Promise<ReplaySummary> {
  const store = options.storeDirectory === null ? null : await openReplayStore(config, options.storeDirectory)
  const counts = { records: 0, events: 0, byKind: {}, deadLetters: {}, clamped: {}, ignored: {} }
  const source = filesSource(files, { maxRecordBytes: config.ingest.maxRecordBytes, keepBytes: config.deadLetters.maxBytes })
  const note = async (outcome: Outcome, records: number) => {
    counts.records += records
    counts.events += outcome.events.length
    addTally(
      counts.byKind,
      countBy(outcome.events, (event) => event.kind),
    )
    addTally(
      counts.deadLetters,
      countBy(outcome.deadLetters, (letter) => letter.code),
    )
    addTally(counts.clamped, outcome.clamped)
    addTally(counts.ignored, outcome.ignored)
    await options.onOutcome(outcome)
    options.onProgress?.({ share: source.progress(), events: counts.events })
  }
  const rowsOf = (outcome: Outcome) => batchRows({ ...outcome, deliveries: deliveryRows(outcome.alerts, config.webhooks) })
  const mapper = await openMapper(config)
  const pipeline = new Pipeline({
    createStages: () => new Stages(config, mapper),
    guard: new PoisonGuard(config.deadLetters.maxShare, config.deadLetters.maxRun),
    base: { salt: REPLAY_SALT, format: FORMAT_VERSION },
    stored: async (topic, epoch, partition) => (await store?.lastRange(topic, epoch, partition))?.last ?? null,
    claims: options.storeDirectory === null ? null : fileClaims(options.storeDirectory),
    checkpoints: null,
    write: async ({ range, base, records, outcome }) => {
      await store?.write({ range, base, rows: rowsOf(outcome) })
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
    const end = source.end()
    const behind = { ...end, first: end.last + 1, last: end.last + 1 }
    const stored = await store?.lastRange(end.topic, end.epoch, end.partition)
    if (!stored || stored.last < behind.last) await store?.write({ range: behind, rows: rowsOf(rest) })
    await note(rest, 0)
  } finally {
    await source.stop()
    await store?.close()
  }
  const warmUp = pipeline.current.decisions
    .status()
    .flatMap(({ detector, population, lacks }) => (lacks === null ? [] : [{ detector, population, lacks }]))
  return { ...counts, warmUp }
}

/** The same files under another configuration are the same log: what is stored stays. */
const REPLAY_SALT = 'replay'

async function openReplayStore(config: Config, directory: string): Promise<Store> {
  const store = await openStore({ ...config, data: { directory }, store: { ...config.store, url: undefined } }, REPLAY_SALT)
  await store.migrate()
  return store
}
