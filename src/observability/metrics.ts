import type { Attributes, Meter } from '@opentelemetry/api'

interface MetricRow {
  readonly name: string
  readonly kind: 'counter' | 'histogram' | 'gauge'
  /** UCUM, as OpenTelemetry wants it. */
  readonly unit: string
  readonly description: string
  readonly attributes: readonly string[]
}

/**
 * Every metric of Tidewatch. Closed: what is not here is not measured, and `docs/observability.md` shows this table (a
 * test keeps them equal). Attributes have few values; no identity is ever one.
 */
export const metricTable = {
  recordsReceived: {
    name: 'tidewatch.records.received',
    kind: 'counter',
    unit: '{record}',
    description: 'Records (OTLP export requests) taken from a source.',
    attributes: ['topic'],
  },
  events: {
    name: 'tidewatch.events',
    kind: 'counter',
    unit: '{event}',
    description: 'Events made from telemetry.',
    attributes: ['kind'],
  },
  deadLetters: {
    name: 'tidewatch.dead_letters',
    kind: 'counter',
    unit: '{record}',
    description: 'Records refused, whole or in part, by the code of the reason.',
    attributes: ['code'],
  },
  clamped: {
    name: 'tidewatch.clamped',
    kind: 'counter',
    unit: '{value}',
    description: 'Values that were brought into their bounds or left out, and the record kept.',
    attributes: ['reason'],
  },
  ignored: {
    name: 'tidewatch.ignored',
    kind: 'counter',
    unit: '{record}',
    description: 'Spans and log records that became no event of their own: parts of a call, copies, other work.',
    attributes: ['reason'],
  },
  gaps: {
    name: 'tidewatch.source.gaps',
    kind: 'counter',
    unit: '{record}',
    description: 'Records that the log lost before they were read.',
    attributes: ['topic'],
  },
  otlpRequests: {
    name: 'tidewatch.otlp.requests',
    kind: 'counter',
    unit: '{request}',
    description: 'Requests to the OTLP receiver, by transport and by answer.',
    attributes: ['transport', 'status'],
  },
  batches: {
    name: 'tidewatch.batches',
    kind: 'counter',
    unit: '{batch}',
    description: 'Batches that were stored whole.',
    attributes: ['topic'],
  },
  batchDuration: {
    name: 'tidewatch.batch.duration',
    kind: 'histogram',
    unit: 's',
    description: 'Time from taking a batch until everything it caused was stored.',
    attributes: ['topic'],
  },
  storeWriteDuration: {
    name: 'tidewatch.store.write.duration',
    kind: 'histogram',
    unit: 's',
    description: 'Time until the store acknowledged the rows of a batch, retries included.',
    attributes: [],
  },
  lag: {
    name: 'tidewatch.source.lag',
    kind: 'gauge',
    unit: '{record}',
    description: 'Records in the log that are not committed yet.',
    attributes: ['topic', 'partition'],
  },
  journalSize: {
    name: 'tidewatch.journal.size',
    kind: 'gauge',
    unit: 'By',
    description: 'Disk that the journal of the OTLP receiver takes.',
    attributes: [],
  },
  dataSize: {
    name: 'tidewatch.data.size',
    kind: 'gauge',
    unit: 'By',
    description: 'Disk that the data folder takes, journal and embedded store together; see `data.maxBytes`.',
    attributes: [],
  },
  dataDropped: {
    name: 'tidewatch.data.dropped',
    kind: 'counter',
    unit: 'By',
    description: 'Stored data that were dropped before their retention was over, because the data folder reached `data.maxBytes`.',
    attributes: ['table'],
  },
  alerts: {
    name: 'tidewatch.alerts',
    kind: 'counter',
    unit: '{alert}',
    description: 'Changes of incidents: opened, updated, resolved.',
    attributes: ['detector', 'status'],
  },
  webhookDeliveries: {
    name: 'tidewatch.webhook.deliveries',
    kind: 'counter',
    unit: '{attempt}',
    description: 'Attempts to deliver a webhook: `delivered`, `failed` (to be retried), and deliveries given up: `dead`.',
    attributes: ['target', 'outcome'],
  },
  webhooksWaiting: {
    name: 'tidewatch.webhook.waiting',
    kind: 'gauge',
    unit: '{delivery}',
    description: 'Webhooks in memory that are not delivered yet.',
    attributes: ['target'],
  },
  eventLoopDelay: {
    name: 'tidewatch.event_loop.delay',
    kind: 'gauge',
    unit: 's',
    description: 'Delay of the event loop since the last reading.',
    attributes: ['quantile'],
  },
} as const satisfies Record<string, MetricRow>

export type MetricKey = keyof typeof metricTable

type AttributesOf<Row extends MetricRow> = { readonly [Name in Row['attributes'][number]]: string | number }
type Recorder<Row extends MetricRow> = [Row['attributes'][number]] extends [never]
  ? (value: number) => void
  : (value: number, attributes: AttributesOf<Row>) => void

/** One value of a gauge, read when somebody asks. */
export interface Reading<A> {
  readonly value: number
  readonly attributes: A
}

type Instrument<Row extends MetricRow> = Row['kind'] extends 'counter'
  ? { readonly add: Recorder<Row> }
  : Row['kind'] extends 'histogram'
    ? { readonly record: Recorder<Row> }
    : { observe(read: () => Iterable<Reading<AttributesOf<Row>>> | Promise<Iterable<Reading<AttributesOf<Row>>>>): void }

/** The instruments of `metricTable`, typed by their attributes: `metrics.events.add(3, { kind: 'call' })`. */
export type Metrics = { readonly [Key in MetricKey]: Instrument<(typeof metricTable)[Key]> }

/** Bounds of the histograms, seconds. */
const DURATION_BOUNDARIES = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** Makes the instruments on a meter; the no-op meter of @opentelemetry/api gives ones that do nothing. */
export function createMetrics(meter: Meter): Metrics {
  const make = ({ name, kind, unit, description }: MetricRow) => {
    if (kind === 'counter') return meter.createCounter(name, { unit, description })
    if (kind === 'histogram') {
      return meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: DURATION_BOUNDARIES } })
    }
    const gauge = meter.createObservableGauge(name, { unit, description })
    return {
      observe: (read: () => Iterable<Reading<Attributes>> | Promise<Iterable<Reading<Attributes>>>) =>
        gauge.addCallback(async (result) => {
          for (const { value, attributes } of await read()) result.observe(value, attributes)
        }),
    }
  }
  return Object.fromEntries(Object.entries(metricTable).map(([key, row]) => [key, make(row)])) as unknown as Metrics
}

/** The metric's name as Prometheus shows it. */
export function prometheusName(row: MetricRow): string {
  const name = row.name.replaceAll('.', '_')
  return row.kind === 'counter' ? `${name}_total` : name
}
