import { encodeRecord } from '../../routing/record.ts'
import type { Publisher, PublishRecord } from '../../sources/kafka/publisher.ts'
import type { Outgoing } from '../outcome.ts'

/** Bytes in one request: below the brokers' usual limit for the record batch of a partition. */
const REQUEST_BYTES = 800_000

/**
 * Sends records to the topic behind, in their order, nothing after a request that was not acknowledged. Resolves when the brokers keep all; rejects
 * with TW_SOURCE_UNAVAILABLE otherwise. A repeat sends all again: receivers drop what they have seen (`Seen`).
 */
export async function forward(publisher: Pick<Publisher, 'publish'>, topic: string, outgoing: readonly Outgoing[]): Promise<void> {
  let request: PublishRecord[] = []
  let bytes = 0
  const send = async () => {
    await publisher.publish(topic, request)
    request = []
    bytes = 0
  }
  for (const { partition, record } of outgoing) {
    const value = encodeRecord(record)
    if (request.length > 0 && bytes + value.length > REQUEST_BYTES) await send()
    request.push({ value, partition })
    bytes += value.length
  }
  await send()
}
