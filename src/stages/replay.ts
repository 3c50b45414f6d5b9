import type { Config } from '../config/schema.ts'
import { createDecisions } from '../decisions/decide.ts'
import { deliveryRows } from '../delivery/outbox.ts'
import { createDetection } from '../detection/detect.ts'
import { filesSource } from '../sources/files.ts'
import { openStore } from '../store/open.ts'
import { batchRows } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import { createIngest } from './ingest.ts'
import { openMapper } from './mapper.ts'
import { type Outcome, Pipeline } from './pipeline.ts'

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
  readonly clamped: Readonly<Record<string, number>>
  /** Populations that never had enough subjects to judge. */
  readonly warmUp: readonly { readonly detector: string; readonly population: string; readonly lacks: string }[]
}

/** Runs the whole pipeline over files as one ordered log and ends. Rejects where a file cannot be read to its end. */
export async function replayFiles(files: readonly string[], config: Config, options: ReplayOptions): Promise<ReplaySummary> {
  const decisions = createDecisions({ falseIncidentsPerDay: config.decisions.falseIncidentsPerDay })
  const store = options.storeDirectory === null ? null : await openReplayStore(config, options.storeDirectory)
  const counts = { records: 0, events: 0, byKind: {}, deadLetters: {}, clamped: {} }
  const source = filesSource(files, { maxRecordBytes: config.ingest.maxRecordBytes, keepBytes: config.deadLetters.maxBytes })
  const note = async (outcome: Outcome, records: number) => {
    counts.records += records
    counts.events += outcome.events.length
    for (const event of outcome.events) add(counts.byKind, event.kind, 1)
    for (const letter of outcome.deadLetters) add(counts.deadLetters, letter.code, 1)
    for (const reason in outcome.clamped) add(counts.clamped, reason, outcome.clamped[reason]!)
    await options.onOutcome(outcome)
    options.onProgress?.({ share: source.progress(), events: counts.events })
  }
  const pipeline = new Pipeline({
    config,
    ingest: createIngest(config, await openMapper(config)),
    detection: createDetection({ seed: config.seed, disabled: config.decisions.disabled }),
    decisions,
    write: async (batch, outcome) => {
      await store?.write({ range: batch, rows: batchRows({ ...outcome, deliveries: deliveryRows(outcome.alerts, config.webhooks) }) })
      await note(outcome, batch.records.length)
    },
    written: () => {},
  })
  try {
    await source.start((batch, context) => pipeline.handle(batch, context))
    await source.ended
    const rest = pipeline.finish()
    const end = source.end()
    const behind = { ...end, first: end.last + 1, last: end.last + 1 }
    await store?.write({ range: behind, rows: batchRows({ ...rest, deliveries: deliveryRows(rest.alerts, config.webhooks) }) })
    await note(rest, 0)
  } finally {
    await source.stop()
    await store?.close()
  }
  const warmUp = decisions.status().flatMap(({ detector, population, lacks }) => (lacks === null ? [] : [{ detector, population, lacks }]))
  return { ...counts, warmUp }
}

async function openReplayStore(config: Config, directory: string): Promise<Store> {
  const store = await openStore({ ...config, data: { directory }, store: { ...config.store, url: undefined } }, 'replay')
  await store.migrate()
  return store
}

function add(counts: Record<string, number>, name: string, amount: number): void {
  counts[name] = (counts[name] ?? 0) + amount
}
