import type { Config } from '../config/schema.ts'
import { createDecisions } from '../decisions/decide.ts'
import { configuredDetectors } from '../detection/configured.ts'
import { createDetection } from '../detection/detect.ts'
import type { Event } from '../telemetry/events.ts'
import { OutcomeBuilder } from './outcome.ts'
import type { LogReplayOptions } from './replay.ts'
import { type ReplaySummary, SummaryCounts } from './replay-summary.ts'

/**
 * Runs the stages behind ingest over events in their order, and ends. What only the log holds (clock ticks, actions) is not there: time passes with the
 * events alone. `total` is their number, for the progress.
 */
export async function replayEvents(
  batches: AsyncIterable<readonly Event[]>,
  total: number,
  config: Config,
  options: Omit<LogReplayOptions, 'actionKey'>,
): Promise<ReplaySummary> {
  const { seed, decisions } = config
  const detection = createDetection({ seed, detectors: configuredDetectors(config) })
  const deciding = createDecisions(decisions)
  const counts = new SummaryCounts()
  let watermark: number | null = null
  for await (const events of batches) {
    const outcome = new OutcomeBuilder()
    for (const event of events) {
      outcome.events.push(event)
      watermark = Math.max(watermark ?? event.time, event.time)
      for (const observation of [...detection.process(event), ...detection.advance(watermark)]) outcome.decide(deciding, observation)
      outcome.alerts.push(...deciding.advance(watermark))
    }
    counts.add(outcome, 0)
    await options.onOutcome(outcome)
    options.onProgress?.({ share: total === 0 ? 1 : counts.events / total, events: counts.events, watermark })
  }
  return counts.summary(deciding)
}
