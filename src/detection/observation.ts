import type { Category, Subject } from '../telemetry/events.ts'
import type { Evidence } from './contract.ts'

/** A finding with its place in the world: what the detect stage sends to the decide stage. Times are microseconds. */
export interface Observation {
  readonly time: number
  readonly detector: string
  readonly category: Category
  readonly subject: Subject
  /** Further subjects that an alert must name. */
  readonly members: readonly Subject[]
  /** The subjects that this one is compared with, see the detector contract. */
  readonly population: string
  readonly model: string | null
  readonly service: string
  readonly environment: string
  readonly run: string | null
  /** As the subject half gave it; the reference half may replace it in the decide stage. */
  readonly score: number
  readonly pValue: number | null
  /** Span id, sample id, or a series' point time: the event that made the subject speak. */
  readonly ref: string
  readonly traceId: string | null
  /** Name of the metric where the subject is a series. */
  readonly metric: string | null
  /** Events behind the score, and the times of the first and last of them. */
  readonly events: number
  readonly firstSeen: number
  readonly lastSeen: number
  readonly samplingRatio: number | null
  readonly evidence: Evidence
  /** After so long without suspicion an incident about the subject is over; a day where absent. */
  readonly quietMicros?: number
  readonly sketch: Uint8Array | null
}
