import kafkajs, { type ICustomPartitioner, type Message } from 'kafkajs'

/**
 * Chooses a partition once for each message, by identity. kafkajs asks again when it repeats a request: with its own
 * round-robin, a message could go elsewhere under a sequence number that the broker knows already, and be dropped as a duplicate.
 * Keyed messages go where Java's producer sends them (murmur2). Those without a key keep together, one partition after the
 * other: the messages that one call gives to `sameRequest` share a partition.
 */
export function steadyPartitioner(): { partitioner: ICustomPartitioner; sameRequest(messages: readonly Message[]): void } {
  const chosen = new WeakMap<Message, number>()
  const requests = new WeakMap<Message, { partition: number | null }>()
  let turn = 0
  return {
    sameRequest(messages) {
      const request = { partition: null }
      for (const message of messages) requests.set(message, request)
    },
    partitioner: () => {
      const byKey = kafkajs.Partitioners.DefaultPartitioner()
      return (args) => {
        const { message, partitionMetadata } = args
        const before = chosen.get(message)
        if (before !== undefined) return before
        let partition: number
        if (message.partition !== undefined || message.key != null) {
          partition = byKey(args)
        } else {
          const request = requests.get(message) ?? { partition: null }
          if (request.partition === null) {
            const led = partitionMetadata.filter(({ leader }) => leader >= 0)
            const candidates = led.length > 0 ? led : partitionMetadata
            request.partition = candidates[turn++ % candidates.length]!.partitionId
          }
          partition = request.partition
        }
        chosen.set(message, partition)
        return partition
      }
    },
  }
}
