import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { configSchema } from '../../../src/config/schema.ts'
import { compileDialects } from '../../../src/telemetry/dialects.ts'
import { inTheClear } from '../../../src/telemetry/hasher.ts'
import { createMapper } from '../../../src/telemetry/map.ts'
import { decodeRequest } from '../../../src/telemetry/otlp/decode.ts'
import type { OtlpRequest, Signal } from '../../../src/telemetry/otlp/records.ts'
import { encode, type Plain, requestTypes } from './messages.ts'
import { rewrite } from './rewrite.ts'

const fixtures = `${import.meta.dirname}/../../fixtures/otlp`
const captured = `${import.meta.dirname}/../../../../shared/data`
const { keys } = compileDialects({ attributes: [], credential: [] })

function decode(bytes: Uint8Array, signal: Signal | null): OtlpRequest {
  return decodeRequest(bytes, { signal, keys, maxDepth: 32, maxBytes: 1e7 })
}

/** OTLP/JSON as protobufjs takes it: ids as bytes, NaN and the infinities as numbers. */
function toPlain(text: string): Plain {
  return JSON.parse(text, (name, value: unknown) => {
    if (/^(traceId|spanId|parentSpanId)$/.test(name)) return Buffer.from(value as string, 'hex')
    return /^(doubleValue|asDouble)$/.test(name) ? Number(value) : value
  }) as Plain
}

/** Attributes by their names, as they were sent. */
function byName({ slots, names, values }: OtlpRequest['scopes'][number]['resource']): Record<string, unknown> {
  return Object.fromEntries(slots.map((slot, i) => [names[i] === '' ? keys.names[slot] : names[i], values[i]]))
}

describe('requests as they are sent', () => {
  const read = (name: string): OtlpRequest => decode(readFileSync(`${fixtures}/${name}.json`), null)

  test.each<[string, Signal]>([
    ['chat', 'traces'],
    ['training', 'logs'],
    ['model', 'metrics'],
  ])('%s.%s: JSON, protobuf of an SDK (ascending) and of the Collector (descending) are one', (name, signal) => {
    const text = readFileSync(`${fixtures}/${name}.${signal}.json`)
    const json = decode(text, null)
    const bytes = encode(signal, toPlain(text.toString()))
    const descending = rewrite(requestTypes[signal], bytes, { order: 'descending', unknown: false, split: false, random: () => 0 })
    expect(descending.equals(bytes)).toBe(false)
    expect(decode(bytes, signal)).toEqual(json)
    expect(decode(descending, signal)).toEqual(json)
  })

  test('spans', () => {
    const [scope] = read('chat.traces').scopes
    expect(byName(scope!.resource)).toEqual({ 'service.name': 'support-desk', 'deployment.environment.name': 'prod' })
    expect(scope!.scopeName).toBe('opentelemetry.instrumentation.openai_v2')
    const [call, failed] = scope!.spans
    expect(call).toMatchObject({
      traceId: '5b8efff798038103d269b633813fc60c',
      spanId: 'eee19b7ec3c1b174',
      parentSpanId: 'eee19b7ec3c1b173',
      name: 'chat gpt-4o-mini',
      kind: 3,
      startMicros: 1795563936404566,
      endMicros: 1795563937417836,
      statusCode: 0,
    })
    expect(byName(call!.attributes)).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'gpt-4o-mini',
      'gen_ai.request.temperature': 0.2,
      'gen_ai.usage.input_tokens': 1200,
      'gen_ai.response.finish_reasons': ['stop'],
      'user.id': 'zoë@example.org',
      'tidewatch.link.org': 'acme',
      'tidewatch.input.embedding': Float64Array.of(0.25, -1.5, 0, 3e-7),
    })
    expect(call!.events.map(({ name, attributes }) => [name, byName(attributes)])).toEqual([
      ['gen_ai.user.message', { content: 'Where is my parcel? ☃' }],
    ])
    expect(failed).toMatchObject({
      parentSpanId: '',
      startMicros: 1795563938000000,
      endMicros: 1795563938000001,
      statusCode: 2,
      events: [],
    })
  })

  test('log records', () => {
    const [log] = read('training.logs').scopes[0]!.logs
    expect(log).toMatchObject({ eventName: 'tidewatch.training.sample', timeMicros: 1795563936404566, observedMicros: 1795563936404600 })
    expect(byName(log!.attributes)).toEqual({
      'tidewatch.training.run.id': 'run-7',
      'tidewatch.training.loss': Number.NaN,
      'tidewatch.activation.vector': new Uint8Array(Float32Array.of(1, -2).buffer),
    })
  })

  test('points', () => {
    const timeMicros = 1795563936404566
    const rest = { unit: '', startMicros: 0, timeMicros, labels: [] }
    expect(read('model.metrics').scopes[0]!.points).toEqual([
      {
        metric: 'tidewatch.activation.norm',
        unit: '1',
        kind: 'gauge',
        monotonic: false,
        temporality: 0,
        startMicros: 0,
        timeMicros,
        value: Number.POSITIVE_INFINITY,
        count: null,
        labels: [
          ['tidewatch.activation.layer', 'block.3'],
          ['shard', '4'],
        ],
      },
      { ...rest, metric: 'requests', kind: 'sum', monotonic: true, temporality: 2, startMicros: 1795563900000000, value: 41, count: null },
      {
        ...rest,
        metric: 'gen_ai.client.operation.duration',
        unit: 's',
        kind: 'histogram',
        monotonic: true,
        temporality: 1,
        value: 0.21875,
        count: 8,
      },
      { ...rest, metric: 'latency', kind: 'histogram', monotonic: true, temporality: 2, value: 7.5, count: 3 },
      { ...rest, metric: 'rpc', kind: 'histogram', monotonic: true, temporality: 2, value: 2.5, count: 5 },
    ])
  })
})

test('a record that holds several signals gives the events of all of them', () => {
  const parts = ['chat.traces', 'training.logs', 'model.metrics'].map(
    (name) => JSON.parse(readFileSync(`${fixtures}/${name}.json`, 'utf8')) as object,
  )
  const request = decode(Buffer.from(JSON.stringify(Object.assign({}, ...parts))), null)
  const origin = { topic: 't', epoch: 'e', partition: 0, offset: 0, timestampMillis: 0 }
  const { events } = createMapper(configSchema.parse({}), inTheClear).map(request, origin)
  expect(events.map(({ kind }) => kind)).toEqual(['call', 'call', ...Array<string>(5).fill('metricPoint'), 'trainingSample'])
  expect(events.map(({ position }) => position.index)).toEqual(events.map((_, index) => index))
})

describe.skipIf(!existsSync(`${captured}/otlp`))('recorded bytes (skipped where ../shared/data/otlp is not there)', () => {
  const file = (name: string): Buffer => readFileSync(`${captured}/otlp/${name}`)
  let sdk: OtlpRequest

  beforeAll(() => {
    sdk = decode(file('python-sdk-request.traces.bin'), 'traces')
  })

  test('an SDK, the Collector and its JSON form give the same spans', () => {
    expect(sdk.scopes[0]!.spans.length).toBeGreaterThan(5)
    expect(decode(file('collector-kafka-record.traces.bin'), 'traces')).toEqual(sdk)
    expect(decode(file('collector-kafka-record.traces.json'), null)).toEqual(sdk)
  })

  test('each line of the file exporter is a request', () => {
    const lines = file('collector-file-exporter.traces.jsonl').toString().trim().split('\n')
    for (const line of lines) expect(decode(Buffer.from(line), null).scopes[0]!.spans.length).toBeGreaterThan(0)
  })

  test('cut off at any byte, they are refused with an error of ours', () => {
    const bytes = file('collector-kafka-record.traces.bin')
    for (let end = 1; end < bytes.length; end++)
      expect(() => decode(bytes.subarray(0, end), 'traces')).toThrow(expect.objectContaining({ code: 'TW_TELEMETRY_TRUNCATED' }))
  })
})

describe.skipIf(!existsSync(`${captured}/dialects`))('recorded dialects (skipped where ../shared/data/dialects is not there)', () => {
  const folder = `${captured}/dialects`
  const requests = existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.bin'))
    : []

  test.each(requests)('%s: protobuf and JSON are one', (path) => {
    const signal = path.split('.').at(-2) as Signal
    const request = decode(readFileSync(`${folder}/${path}`), signal)
    expect(request.scopes.flatMap(({ spans, logs, points }) => [...spans, ...logs, ...points]).length).toBeGreaterThan(0)
    expect(request.clamped).toEqual({})
    expect(decode(readFileSync(`${folder}/${path.replace(/bin$/, 'json')}`), null)).toEqual(request)
  })
})
