import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'

export interface BatchSpan {
  /** The topic, or the journal or file that stands for one. */
  readonly destination: string
  readonly partition: number
  readonly first: number
  readonly messages: number
  /** Kafka's consumer group; null where the source is no Kafka. */
  readonly group: string | null
}

/**
 * Runs the work of one batch inside a span `process TOPIC` (OpenTelemetry messaging conventions 1.44). One span a batch,
 * never one a record. Costs next to nothing while no SDK is registered.
 */
export function traceBatch<T>(batch: BatchSpan, work: () => Promise<T>): Promise<T> {
  const attributes = {
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': batch.destination,
    'messaging.destination.partition.id': String(batch.partition),
    'messaging.batch.message_count': batch.messages,
    ...(batch.group === null
      ? {}
      : { 'messaging.system': 'kafka', 'messaging.consumer.group.name': batch.group, 'tidewatch.batch.first_offset': batch.first }),
  }
  const tracer = trace.getTracer('tidewatch')
  return tracer.startActiveSpan(`process ${batch.destination}`, { kind: SpanKind.CONSUMER, attributes }, async (span) => {
    try {
      return await work()
    } catch (error) {
      span.recordException(error as Error)
      span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown')
      span.setStatus({ code: SpanStatusCode.ERROR })
      throw error
    } finally {
      span.end()
    }
  })
}
