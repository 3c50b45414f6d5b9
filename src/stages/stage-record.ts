import { errorCode } from '../errors.ts'
import { decodeRecord, type StageRecord } from '../routing/record.ts'
import type { SourceBatch, SourceRecord } from '../sources/source.ts'
import { controlLetter } from './control-letter.ts'
import type { OutcomeBuilder } from './outcome.ts'

/** A record of the stage before; null, with a dead letter, for one that cannot be read or does not belong into this topic. */
export function readRecord<T extends StageRecord['type']>(
  batch: SourceBatch,
  record: SourceRecord,
  expected: readonly T[],
  keepBytes: number,
  outcome: OutcomeBuilder,
): Extract<StageRecord, { type: T }> | null {
  let reason: string
  try {
    const read = decodeRecord(record.value)
    if ((expected as readonly string[]).includes(read.type)) return read as Extract<StageRecord, { type: T }>
    reason = `a record of type ${read.type} does not belong here`
  } catch (error) {
    if (errorCode(error) !== 'TW_RECORD_UNREADABLE') throw error
    reason = (error as Error).message
  }
  outcome.deadLetters.push(controlLetter(batch, record, 'TW_RECORD_UNREADABLE', reason, keepBytes))
  return null
}
