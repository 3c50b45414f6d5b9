import type { Signal } from '../../telemetry/otlp/records.ts'
import type { Publisher } from '../kafka/publisher.ts'
import type { Sink } from './sink.ts'

/** Kafka mode: durable when the brokers say so (acks=all). The topic follows the signal; records have no key unless they bring one. */
export function kafkaSink(publisher: Publisher, topics: Readonly<Record<Signal, string>>): Sink {
  return {
    async accept({ signal, value, headers, key = null }) {
      await publisher.publish(topics[signal], [{ value, headers, key }])
      return null
    },
  }
}
