import type { Batch, IHeaders, KafkaMessage } from 'kafkajs'
import type { Signal } from '../../telemetry/otlp/records.ts'
import type { SourceBatch, SourceRecord } from '../source.ts'

const NOTHING = new Uint8Array(0)

/** Headers as strings; of a name that comes several times the last one counts. */
function headers(raw: IHeaders | undefined): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const [name, value] of Object.entries(raw ?? {})) {
    const last = Array.isArray(value) ? value.at(-1) : value
    if (last !== undefined) texts[name] = String(last)
  }
  return texts
}

/** A message of kafkajs as a record of a log. */
export function sourceRecord(
  message: Pick<KafkaMessage, 'offset' | 'timestamp' | 'value' | 'headers'>,
  signal: Signal | null,
): SourceRecord {
  return {
    offset: Number(message.offset),
    timestamp: Math.max(0, Number(message.timestamp)),
    signal,
    value: message.value ?? NOTHING,
    headers: headers(message.headers),
  }
}

/** The offset that a batch was fetched from; kafkajs has it, its types do not. */
export function fetchedFrom(batch: Batch): number {
  return Number((batch as Batch & { fetchedOffset: string }).fetchedOffset)
}

/**
 * The range from the first offset that was not delivered yet to the last one that this fetch covers: control records
 * and compacted ones are within the range and not among the records.
 */
export function sourceBatch(batch: Batch, first: number, epoch: string, signal: Signal | null): SourceBatch {
  return {
    topic: batch.topic,
    epoch,
    partition: batch.partition,
    first,
    last: Number(batch.lastOffset()),
    records: batch.messages.map((message) => sourceRecord(message, signal)),
  }
}
