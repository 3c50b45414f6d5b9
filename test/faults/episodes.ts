import type { Signal } from '../../src/telemetry/otlp/records.ts'

/** One export request, as a producer sends it. */
export interface Sent {
  readonly signal: Signal
  readonly value: Buffer
}

/** Requests of one episode. */
export const EPISODE_LENGTH = 8

/**
 * A stretch of a log that fills every table: calls (one of them waits for a parent that comes two requests later), a tool call, training samples and
 * updates, metric points, a record that cannot be used, and a value that is not finite, which opens an incident. An endless log is made of
 * episodes 0, 1, 2, ...; the same arguments give the same requests. `start`: milliseconds; an episode takes ten seconds of event time.
 */
export function episode(index: number, start: number): Sent[] {
  const time = (step: number) => start + index * 10_000 + step * 1000
  const number = (step: number) => index * EPISODE_LENGTH + step
  const child = spanOf(number(3), 9, time(3), {})
  const parent = { ...child, spanId: hex(number(3), 77, 16), name: 'POST /chat', kind: 2, attributes: [] }
  return [
    traces(time(0), calls(number(0), time(0))),
    logs('tidewatch.training.sample', time(1), {
      'sample.id': `sample-${index}`,
      source: `source-${index % 3}`,
      label: 'a',
      loss: 0.5 + (index % 7) / 10,
    }),
    metrics(`trainer-${index}`, time(2), Number.NaN),
    traces(time(3), [...calls(number(3), time(3)), { ...child, parentSpanId: parent.spanId }, toolCall(number(3), time(3))]),
    { signal: 'logs', value: Buffer.from('this is not telemetry') },
    traces(time(5), [parent, ...calls(number(5), time(5))]),
    logs('tidewatch.training.update', time(6), { round: index, client: `client-${index % 5}`, 'update.norm': 1 + (index % 4) / 8 }),
    metrics('trainer', time(7), Math.sqrt(index + 1)),
  ]
}

type Value = string | number

const attribute = (key: string, value: Value) => ({
  key,
  value:
    typeof value === 'string' ? { stringValue: value } : Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value },
})
const attributes = (of: Readonly<Record<string, Value>>) => Object.entries(of).map(([key, value]) => attribute(key, value))
const hex = (number: number, index: number, length: number) => (number * 100 + index + 1).toString(16).padStart(length, '0')
const nanos = (millis: number) => `${millis}000000`
const resource = (service: string) => ({ attributes: attributes({ 'service.name': service, 'deployment.environment.name': 'test' }) })
const sent = (signal: Signal, body: object): Sent => ({ signal, value: Buffer.from(JSON.stringify(body)) })

const traces = (_time: number, spans: readonly object[]): Sent =>
  sent('traces', { resourceSpans: [{ resource: resource('gateway'), scopeSpans: [{ scope: {}, spans }] }] })

function calls(number: number, time: number): object[] {
  return [0, 1, 2, 3].map((index) =>
    spanOf(number, index, time + index * 100, {
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'ticket-router',
      'user.id': `person-${(number * 3 + index) % 11}`,
      'gen_ai.input.messages': JSON.stringify([
        { role: 'user', parts: [{ type: 'text', content: `where is parcel ${number * 7 + index}` }] },
      ]),
      'gen_ai.usage.input_tokens': 20 + index,
      'gen_ai.usage.output_tokens': 40 + (number % 13),
    }),
  )
}

function toolCall(number: number, time: number): object {
  return spanOf(number, 50, time, {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': 'lookup',
    'gen_ai.agent.id': 'agent-1',
    'gen_ai.conversation.id': `talk-${number}`,
    'user.id': 'person-1',
  })
}

function spanOf(number: number, index: number, time: number, of: Readonly<Record<string, Value>>): Record<string, unknown> {
  const call: Record<string, Value> =
    Object.keys(of).length > 0 ? of : { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'ticket-router', 'user.id': 'person-9' }
  return {
    traceId: hex(number, index === 9 || index === 77 ? 9 : index, 32),
    spanId: hex(number, index, 16),
    name: 'chat',
    kind: 3,
    startTimeUnixNano: nanos(time),
    endTimeUnixNano: nanos(time + 90),
    attributes: attributes(call),
  }
}

function logs(eventName: string, time: number, of: Readonly<Record<string, Value>>): Sent {
  const named = Object.fromEntries(Object.entries({ 'run.id': 'run-1', ...of }).map(([key, value]) => [keyOf(key), value]))
  const logRecords = [{ timeUnixNano: nanos(time), eventName, attributes: attributes(named) }]
  return sent('logs', { resourceLogs: [{ resource: resource('trainer'), scopeLogs: [{ scope: {}, logRecords }] }] })
}

const keyOf = (key: string) => `tidewatch.training.${key}`

function metrics(service: string, time: number, value: number): Sent {
  const dataPoints = [{ timeUnixNano: nanos(time), asDouble: Number.isNaN(value) ? 'NaN' : value }]
  const scopeMetrics = [{ scope: {}, metrics: [{ name: 'tidewatch.training.loss', gauge: { dataPoints } }] }]
  return sent('metrics', { resourceMetrics: [{ resource: resource(service), scopeMetrics }] })
}
