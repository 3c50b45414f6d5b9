// What the pictures show beside the demo's calls: a poisoned training run, a federation with a client that lies, a layer that dies. They
// are the examples of the detectors, sent as OpenTelemetry to the running instance.
import { detectors } from '../../src/detection/registry.ts'
import { toBase64 } from '../../src/sdk/index.ts'
import type { Event, MetricPointEvent, TrainingSampleEvent, TrainingUpdateEvent } from '../../src/telemetry/events.ts'

const shown = [
  { detector: 'label-flip', run: 'spam-filter-2026-11' },
  { detector: 'update-outlier', run: 'keyboard-federation-7' },
  { detector: 'layer-health', run: null },
] as const

/** Records of one request. */
const perRequest = 500

type Attribute = { readonly key: string; readonly value: Record<string, unknown> }

const text = (key: string, value: string | null): Attribute[] => (value === null ? [] : [{ key, value: { stringValue: value } }])
const integer = (key: string, value: number | null): Attribute[] => (value === null ? [] : [{ key, value: { intValue: String(value) } }])
const real = (key: string, value: number | null): Attribute[] => (value === null ? [] : [{ key, value: { doubleValue: value } }])
const vector = (key: string, value: Float32Array | null | undefined): Attribute[] => text(key, value ? toBase64(value) : null)
const nanos = (micros: number) => `${micros}000`

/** Sends every example so that its last record has the time `end` (microseconds) to an OTLP/HTTP receiver, oldest first. */
export async function sendExamples(endpoint: string, end: number): Promise<void> {
  for (const { detector, run } of shown) {
    const events = detectors.find(({ name }) => name === detector)!.example.anomalous()
    const later = end - events.at(-1)!.time
    // Runs that were given up after a record are there for calibration; they have names of their own.
    const named = (event: Event): Event =>
      'run' in event && run !== null ? { ...event, run: event.run === 'example-run' ? run : `${run}-${event.run}` } : event
    for (let from = 0; from < events.length; from += perRequest) {
      const some = events.slice(from, from + perRequest).map((event) => ({ ...named(event), time: event.time + later }))
      const [first] = some as [Event]
      if (first.kind === 'metricPoint') await post(`${endpoint}/v1/metrics`, metricsOf(some as MetricPointEvent[]))
      else await post(`${endpoint}/v1/logs`, logsOf(some as (TrainingSampleEvent | TrainingUpdateEvent)[]))
    }
  }
}

function logsOf(events: readonly (TrainingSampleEvent | TrainingUpdateEvent)[]): object {
  return {
    resourceLogs: [
      {
        resource: resourceOf(events[0]!),
        scopeLogs: [
          {
            logRecords: events.map((event) => ({
              timeUnixNano: nanos(event.time),
              eventName: event.kind === 'trainingSample' ? 'tidewatch.training.sample' : 'tidewatch.training.update',
              attributes: event.kind === 'trainingSample' ? sampleAttributes(event) : updateAttributes(event),
            })),
          },
        ],
      },
    ],
  }
}

function sampleAttributes(event: TrainingSampleEvent): Attribute[] {
  return [
    ...text('tidewatch.training.run.id', event.run),
    ...integer('tidewatch.training.step', event.step),
    ...text('tidewatch.training.source', event.source),
    ...text('tidewatch.training.shard', event.shard),
    ...text('tidewatch.training.shard.digest', event.shardDigest),
    ...text('tidewatch.training.sample.id', event.sample),
    ...text('tidewatch.training.label', event.label),
    ...text('tidewatch.training.predicted', event.predicted),
    ...real('tidewatch.training.loss', event.loss),
    ...text('tidewatch.activation.layer', event.activation?.layer ?? null),
    ...vector('tidewatch.activation.vector', event.activation?.vector),
  ]
}

function updateAttributes(event: TrainingUpdateEvent): Attribute[] {
  return [
    ...text('tidewatch.training.run.id', event.run),
    ...integer('tidewatch.training.round', event.round),
    ...text('tidewatch.training.client', event.client),
    ...real('tidewatch.training.update.norm', event.norm),
    ...vector('tidewatch.training.update.sketch', event.sketch),
    ...integer('tidewatch.training.update.samples', event.samples),
  ]
}

function metricsOf(events: readonly MetricPointEvent[]): object {
  return {
    resourceMetrics: [
      {
        resource: resourceOf(events[0]!),
        scopeMetrics: [
          {
            metrics: events.map((event) => ({
              name: event.metric,
              unit: event.unit,
              gauge: {
                dataPoints: [
                  {
                    timeUnixNano: nanos(event.time),
                    asDouble: Number.isFinite(event.value) ? event.value : String(event.value),
                    attributes: text('tidewatch.activation.layer', event.layer),
                  },
                ],
              },
            })),
          },
        ],
      },
    ],
  }
}

function resourceOf({ service, environment }: Event): object {
  return { attributes: [...text('service.name', service), ...text('deployment.environment.name', environment)] }
}

async function post(url: string, body: object): Promise<void> {
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`)
}
