import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config/schema.ts'
import type { Metrics } from '../observability/metrics.ts'
import { Journal } from '../sources/journal/journal.ts'
import { journalSource } from '../sources/journal/source.ts'
import { kafkaPublisher } from '../sources/kafka/publisher.ts'
import { startOtlpGrpc } from '../sources/otlp/grpc.ts'
import { type OtlpServer, startOtlpHttp } from '../sources/otlp/http.ts'
import { journalSink } from '../sources/otlp/journal-sink.ts'
import { kafkaSink } from '../sources/otlp/kafka-sink.ts'
import { OtlpReceiver } from '../sources/otlp/receiver.ts'
import type { ReceivedRecord, Sink } from '../sources/otlp/sink.ts'
import type { Source } from '../sources/source.ts'
import { TICK_INTERVAL, tickHeaders } from './tick.ts'

/** Where telemetry comes in: the sources that are read, and the receivers that fill the log behind them. */
export interface Inlets {
  /** The one ordered log; null where telemetry stands in topics of Kafka. */
  readonly journal: Source | null
  /** For people: where to send telemetry. */
  descriptions(): readonly string[]
  addresses(): { readonly otlpHttp: string | null; readonly otlpGrpc: string | null }
  /** Why telemetry is not taken in, as far as the sources do not say it. */
  problems(): readonly string[]
  /** Opens the receivers. Rejects where an address is taken. */
  listen(): Promise<void>
  /** Writes what a person did into the log that decisions are made from. Resolves once it cannot be lost any more. */
  act(headers: Readonly<Record<string, string>>): Promise<void>
  /** Writes a record of telemetry into the log again, with headers of Tidewatch's own. Resolves once it cannot be lost any more. */
  resend(headers: Readonly<Record<string, string>>, content: Pick<ReceivedRecord, 'signal' | 'value' | 'key'>): Promise<void>
  /** Closes the receivers: what was answered with success is in the log. */
  closeDoors(): Promise<void>
  /** Closes the log, after the sources were stopped. */
  close(): Promise<void>
}

/**
 * With brokers, telemetry is read from Kafka and the receivers publish there; without, the receivers write a journal in the data
 * folder, and that is read; of it, records from `lowWater` on are kept.
 */
export async function openInlets(config: Config, log: Logger, metrics: Metrics, lowWater: () => number): Promise<Inlets> {
  const back = config.kafka.brokers.length > 0 ? kafkaBack(config, log) : await journalBack(config, log, metrics, lowWater)
  const receiver = new OtlpReceiver(back.sink, {
    maxInFlight: config.otlp.maxInFlight,
    keepBytes: config.deadLetters.maxBytes,
    onFailure: sparingly((error, unsaid) =>
      log.warn({ err: error, unsaid }, 'a request could not be made durable; the sender is told to come again'),
    ),
  })
  const { http, grpc, maxRequestBytes } = config.otlp
  const doors: { kind: 'http' | 'grpc'; host: string; server: OtlpServer }[] = []
  const addressOf = (kind: 'http' | 'grpc') => {
    const door = doors.find((each) => each.kind === kind)
    return door ? `${kind}://${door.host.includes(':') ? `[${door.host}]` : door.host}:${door.server.port}` : null
  }
  const count = (transport: string) => (status: number) => metrics.otlpRequests.add(1, { transport, status })
  return {
    journal: back.source,
    addresses: () => ({ otlpHttp: addressOf('http'), otlpGrpc: addressOf('grpc') }),
    descriptions: () => [...doors.map(({ kind }) => addressOf(kind)!), ...back.descriptions],
    problems: () => back.problems(),
    async listen() {
      if (http.enabled)
        doors.push({
          kind: 'http',
          host: http.host,
          server: await startOtlpHttp({ ...http, receiver, maxRequestBytes, onAnswer: count('http') }),
        })
      if (grpc.enabled)
        doors.push({
          kind: 'grpc',
          host: grpc.host,
          server: await startOtlpGrpc({ ...grpc, receiver, maxRequestBytes, onAnswer: count('grpc') }),
        })
    },
    act: (headers) => back.act(headers),
    resend: async (headers, content) => {
      await back.sink.accept({ ...content, headers, receivedAt: Date.now() })
    },
    async closeDoors() {
      await Promise.all(doors.splice(0).map(({ server }) => server.stop(DOOR_PATIENCE)))
    },
    close: () => back.close(),
  }
}

/** Milliseconds between two warnings about refused requests: a full disk refuses thousands a second. */
const WARNING_INTERVAL = 10_000

/** Calls `say` at most every ten seconds, with the number of errors that were not said since. */
function sparingly(say: (error: Error, unsaid: number) => void): (error: Error) => void {
  let last = Number.NEGATIVE_INFINITY
  let unsaid = 0
  return (error) => {
    const now = performance.now()
    if (now - last < WARNING_INTERVAL) {
      unsaid++
      return
    }
    say(error, unsaid)
    last = now
    unsaid = 0
  }
}

/** Milliseconds that requests in work get when the receivers close. */
const DOOR_PATIENCE = 2000

interface Back {
  readonly source: Source | null
  readonly sink: Sink
  act(headers: Readonly<Record<string, string>>): Promise<void>
  readonly descriptions: readonly string[]
  problems(): readonly string[]
  close(): Promise<void>
}

function kafkaBack(config: Config, log: Logger): Back {
  const publisher = kafkaPublisher(config.kafka, { log: log.child({ component: 'kafka' }) })
  const { traces, metrics: points, logs, observations } = config.kafka.topics
  return {
    source: null,
    sink: kafkaSink(publisher, config.kafka.topics),
    act: (headers) => publisher.publish(observations, [{ value: new Uint8Array(0), headers, partition: 0 }]),
    descriptions: [`Kafka topics ${[traces, points, logs].join(', ')} on ${config.kafka.brokers.join(', ')}`],
    problems: () => [],
    close: () => publisher.close(),
  }
}

async function journalBack(config: Config, log: Logger, metrics: Metrics, lowWater: () => number): Promise<Back> {
  const journalLog = log.child({ component: 'journal' })
  const journal = await Journal.open({
    directory: join(config.data.directory, 'journal'),
    ...config.journal,
    lowWater,
    onDamage: (damage) => journalLog.error({ ...damage }, 'the journal is damaged; the readable part is used'),
  })
  const sink = journalSink(journal)
  metrics.journalSize.observe(() => [{ value: journal.bytes, attributes: {} }])
  // Time passes also when nothing arrives: a tick in the log says so, and a replay of the log knows it.
  const ticks = setInterval(() => {
    journal
      .append([{ signal: 'traces', value: new Uint8Array(0), headers: tickHeaders, receivedAt: Date.now() }])
      .catch((error) => journalLog.warn({ err: error }, 'a clock tick could not be written'))
  }, TICK_INTERVAL)
  return {
    source: journalSource(journal, { onRetry: (error, retryIn) => journalLog.warn({ err: error, retryIn }, 'a batch is tried again') }),
    sink,
    act: async (headers) => void (await sink.accept({ signal: 'traces', value: new Uint8Array(0), headers, receivedAt: Date.now() })),
    descriptions: [],
    problems: () => [journal.problem()].filter((reason) => reason !== null),
    async close() {
      clearInterval(ticks)
      await journal.close()
    },
  }
}
