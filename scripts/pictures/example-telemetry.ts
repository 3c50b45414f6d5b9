// What the pictures show beside the demo's calls: a poisoned training run and a federation with a client that lies. They are the examples
// of the detectors, sent as OpenTelemetry to the running instance.
import { detectors } from '../../src/detection/registry.ts'
import { toBase64 } from '../../src/sdk/index.ts'
import type { TrainingSampleEvent, TrainingUpdateEvent } from '../../src/telemetry/events.ts'

/** Names of the runs that the pictures show. */
export const examples = { poisoned: 'spam-filter-2026-11', federation: 'keyboard-federation-7' } as const

const shown = [
  { detector: 'label-flip', run: examples.poisoned },
  { detector: 'update-outlier', run: examples.federation },
] as const

/** Records of one request. */
const perRequest = 500

type TrainingEvent = TrainingSampleEvent | TrainingUpdateEvent

type Attribute = { readonly key: string; readonly value: Record<string, unknown> }

const text = (key: string, value: string | null): Attribute[] => (value === null ? [] : [{ key, value: { stringValue: value } }])
const integer = (key: string, value: number | null): Attribute[] => (value === null ? [] : [{ key, value: { intValue: String(value) } }])
const real = (key: string, value: number | null): Attribute[] => (value === null ? [] : [{ key, value: { doubleValue: value } }])
const vector = (key: string, value: Float32Array | null | undefined): Attribute[] => text(key, value ? toBase64(value) : null)
const nanos = (micros: number) => `${micros}000`

/** Sends the examples to an OTLP/HTTP receiver in the order of their times, of which the last is `end` (microseconds). */
export async function sendExamples(endpoint: string, end: number): Promise<void> {
  const events = shown
    .flatMap(({ detector, run }) => {
      const own = detectors.find(({ name }) => name === detector)!.example.anomalous() as TrainingEvent[]
      const later = end - own.at(-1)!.time
      // Runs that were given up after a record are there for calibration.
      return own.map((event) => ({ ...event, run: event.run === 'example-run' ? run : `${run}-${event.run}`, time: event.time + later }))
    })
    .sort((a, b) => a.time - b.time)
  for (let from = 0; from < events.length; from += perRequest)
    await post(`${endpoint}/v1/logs`, logsOf(events.slice(from, from + perRequest)))
}

function logsOf(events: readonly TrainingEvent[]): object {
  const services = [...new Set(events.map(({ service }) => service))]
  const recordOf = (event: TrainingEvent) => ({
    timeUnixNano: nanos(event.time),
    eventName: event.kind === 'trainingSample' ? 'tidewatch.training.sample' : 'tidewatch.training.update',
    attributes: event.kind === 'trainingSample' ? sampleAttributes(event) : updateAttributes(event),
  })
  return {
    resourceLogs: services.map((service) => {
      const own = events.filter((event) => event.service === service)
      return { resource: resourceOf(own[0]!), scopeLogs: [{ logRecords: own.map(recordOf) }] }
    }),
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

function resourceOf({ service, environment }: TrainingEvent): object {
  return { attributes: [...text('service.name', service), ...text('deployment.environment.name', environment)] }
}

async function post(url: string, body: object): Promise<void> {
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`)
}
