import type { ErrorCode } from '../errors.ts'
import type { SourceBatch, SourceRecord } from '../sources/source.ts'
import type { DeadLetter } from '../telemetry/dead-letter.ts'

/** The dead letter of a record that holds no telemetry: an action, or what goes between the stages. `keepBytes` of its value are kept. */
export function controlLetter(
  { topic, epoch, partition }: SourceBatch,
  { offset, timestamp, value }: SourceRecord,
  code: ErrorCode,
  reason: string,
  keepBytes = 0,
): DeadLetter {
  return {
    ...{ topic, epoch, partition, offset, index: 0, time: timestamp * 1000 },
    ...{ code, reason, signal: '', bytes: value.subarray(0, keepBytes), size: keepBytes === 0 ? 0 : value.length },
  }
}
