import type { KafkaMessage } from 'kafkajs'
import type { RawRecord } from './raw-cluster.ts'

/** A record of a fetch, before anybody looked at transactions. */
export type FetchedRecord = RawRecord &
  Pick<KafkaMessage, 'timestamp' | 'headers'> & { readonly batchContext: { readonly inTransaction: boolean } }

/** What a fetch says of transactions that were aborted and touch it. */
export interface AbortedTransaction {
  readonly producerId: string
  readonly firstOffset: string
}

const ABORT_MARKER = Buffer.from([0, 0, 0, 0])

/**
 * The data records of a fetch that count: without control records and without what aborted transactions wrote. A transaction that began before the
 * fetch is one that is being aborted from its first record on; it ends with the producer's abort marker, and the next one may begin behind it.
 */
export function committedRecords(records: readonly FetchedRecord[], aborted: readonly AbortedTransaction[]): FetchedRecord[] {
  const beginnings = [...aborted].sort((a, b) => Number(a.firstOffset) - Number(b.firstOffset))
  const aborting = new Set<string>()
  const counted: FetchedRecord[] = []
  for (const record of records) {
    while (beginnings.length > 0 && Number(beginnings[0]!.firstOffset) <= Number(record.offset))
      aborting.add(beginnings.shift()!.producerId)
    const { producerId, inTransaction } = record.batchContext
    if (record.isControlRecord) {
      if (record.key?.equals(ABORT_MARKER)) aborting.delete(producerId)
    } else if (!inTransaction || !aborting.has(producerId)) counted.push(record)
  }
  return counted
}
