import type { SourceRecord } from '../sources/source.ts'

/** Header of records that Tidewatch itself writes into its log. */
export const controlHeader = 'tidewatch-control'

/** Headers of a clock tick: a record of the log that says how late it is, so that replays know what the passing of time did. */
export const tickHeaders: Readonly<Record<string, string>> = { [controlHeader]: 'tick' }

/** Milliseconds between ticks. */
export const TICK_INTERVAL = 10_000

/** Whether a record is a clock tick; its append time is the time that it tells. */
export function isTick(record: Pick<SourceRecord, 'headers' | 'value'>): boolean {
  return record.value.length === 0 && record.headers[controlHeader] === 'tick'
}
