import { describe, expect, it } from 'vitest'
import type { OtlpRequest } from '../../src/telemetry/otlp/records.ts'
import {
  attributeList,
  calls,
  chat,
  mapperWith,
  mapSpans,
  noon,
  onlyCall,
  origin,
  type SpanSketch,
  scopeRecords,
  traces,
} from './support.ts'

const mapper = mapperWith()
const day = 86_400_000_000

function mapAt(appendMillis: number, span: Partial<SpanSketch>) {
  return mapper.map(traces(mapper.keys, [{ ...span, attributes: chat() }]), origin(0, appendMillis))
}

describe('a time that cannot be', () => {
  const append = noon / 1000

  it.each<[string, number, string]>([
    ['in 1970', 1, 'time_past'],
    ['91 days before the record was appended', noon - 91 * day, 'time_past'],
    ['in 2100', Date.UTC(2100, 0) * 1000, 'time_future'],
    ['two hours after the record was appended', noon + day / 12, 'time_future'],
    ['that is zero', 0, 'time_missing'],
    ['that is no number', Number.NaN, 'time_missing'],
  ])('%s is clamped to the append time and counted', (_, start, reason) => {
    const { events, clamped, refused } = mapAt(append, { start, end: start })
    expect(events.map(({ time }) => time)).toEqual([noon])
    expect(clamped).toMatchObject({ [reason]: 1 })
    expect(refused).toEqual([])
  })

  it('within the limits is believed', () => {
    for (const start of [noon - 89 * day, noon + day / 48]) {
      const { events, clamped } = mapAt(append, { start })
      expect(events[0]!.time).toBe(start)
      expect(clamped).toEqual({})
    }
  })

  it('is taken as it is where the log keeps no append time, as in files', () => {
    for (const start of [1, Date.UTC(2100, 0) * 1000]) expect(mapAt(0, { start }).events[0]!.time).toBe(start)
  })

  it('makes a call a dead letter where there is nothing to clamp it to', () => {
    for (const start of [0, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(mapAt(0, { start, end: start, name: 'chat m' })).toMatchObject({
        events: [],
        refused: [{ code: 'TW_TELEMETRY_UNUSABLE', reason: expect.stringContaining('chat m'), index: 0 }],
      })
    }
  })

  it('makes an end before its start a duration of nothing, counted', () => {
    const { events, clamped } = mapAt(append, { start: noon, end: noon - 1 })
    expect(events[0]).toMatchObject({ durationMicros: 0 })
    expect(clamped).toEqual({ duration: 1 })
  })
})

describe('a value of the wrong type or range', () => {
  it.each<[string, Record<string, unknown>, object, Record<string, number>]>([
    ['text for a number', { 'gen_ai.usage.input_tokens': 'many' }, { tokens: { input: null } }, { attribute_type: 1 }],
    ['NaN for a number', { 'gen_ai.request.temperature': Number.NaN }, { request: { temperature: null } }, { number_not_finite: 1 }],
    ['Infinity as text', { 'gen_ai.request.max_tokens': 'Infinity' }, { request: { maxTokens: null } }, { number_not_finite: 1 }],
    ['a negative count', { 'gen_ai.usage.output_tokens': -3 }, { tokens: { output: null } }, { number_range: 1 }],
    ['a list for text', { 'gen_ai.response.model': [[]] }, { model: { name: 'm' } }, { attribute_type: 1 }],
    ['a word for a flag', { 'gen_ai.request.stream': 'maybe' }, { stream: null }, { attribute_type: 1 }],
    ['broken JSON', { 'llm.invocation_parameters': '{"max_tokens": 1' }, { request: { maxTokens: null } }, { json: 1 }],
    ['a sampling ratio of 7', { 'tidewatch.sampling.ratio': 7 }, { samplingRatio: null }, { sampling_ratio: 1 }],
    ['a score above 1', { 'tidewatch.content.injection_score': 1.5 }, { injectionScore: 1 }, { injection_score: 1 }],
    ['a fingerprint that is none', { 'tidewatch.input.fingerprint': 'xyz' }, { fingerprint: null }, { input_hash: 1 }],
    ['a principal of 5000 characters', { 'user.id': 'x'.repeat(5000) }, { principal: null }, { identity_too_long: 1 }],
  ])('%s is dropped or clamped and counted, and the call stays', (_, attributes, expected, counted) => {
    const { events, clamped, refused } = mapSpans([{ attributes: chat(attributes) }])
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject(expected)
    expect(clamped).toEqual(counted)
    expect(refused).toEqual([])
  })

  it('leaves the field to the next name that has a value', () => {
    expect(onlyCall(chat({ 'gen_ai.request.max_tokens': 'Infinity', 'ai.settings.maxOutputTokens': 64 })).request.maxTokens).toBe(64)
    expect(onlyCall(chat({ 'gen_ai.response.model': '', 'ai.response.model': 'real' })).model.name).toBe('real')
  })

  it('never throws, whatever stands in whatever attribute', () => {
    const values = [
      '',
      '{',
      '[',
      '[[',
      '"',
      '{}',
      '[{}]',
      'null',
      0,
      -1,
      Number.NaN,
      true,
      [],
      [[]],
      {},
      { a: { b: [] } },
      new Uint8Array(3),
      [1, 2],
      [null],
      '{"messages":[null]}',
      '[{"role":"user","content":[null]}]',
    ]
    const names = [
      ...mapper.keys.names,
      ...mapper.keys.families.flatMap((family) => [family, `${family}0.content`, `${family}0.message.role`, `${family}x`]),
    ]
    for (const value of values) {
      const spans = names.map(
        (name, i): SpanSketch => ({
          id: `s${i}`,
          attributes: chat({ [name]: value }),
          events: [{ name: 'gen_ai.user.message', attributes: { [name]: value } }],
        }),
      )
      expect(() => mapSpans(spans, { mapper, window: mapper.createWindow() })).not.toThrow()
    }
  })
})

describe('a model', () => {
  it('that nobody names is that of the service, counted', () => {
    const { events, clamped } = mapSpans([{ attributes: { 'gen_ai.operation.name': 'chat' } }])
    expect(calls(events)[0]!.model).toMatchObject({ name: 'shop', service: 'shop', environment: 'prod' })
    expect(clamped).toEqual({ model_from_service: 1 })
    expect(onlyCall({ 'gen_ai.operation.name': 'chat' }, {}, { resource: {} }).model).toMatchObject({
      name: 'unknown',
      service: '',
      environment: '',
    })
  })
})

describe('span ids', () => {
  it('that come twice in a request count once, the first one', () => {
    const { events, ignored } = mapSpans([
      { id: 'same', attributes: chat({ 'user.id': 'first' }) },
      { id: 'same', attributes: chat({ 'user.id': 'second' }) },
      { trace: 'other', id: 'same', attributes: chat({ 'user.id': 'third' }) },
    ])
    expect(calls(events).map(({ principal }) => principal?.id)).toEqual(['first', 'third'])
    expect(ignored).toEqual({ duplicate_span: 1 })
  })

  it('that are missing do not make calls one', () => {
    const request = traces(mapper.keys, [{ attributes: chat() }, { attributes: chat() }])
    const [scope] = request.scopes
    const spans = scope!.spans.map((span) => ({ ...span, spanId: '', traceId: '' }))
    const nameless: OtlpRequest = { ...request, scopes: [{ ...scope!, spans }] }
    expect(mapper.map(nameless, origin(), mapper.createWindow()).events).toHaveLength(2)
  })
})

describe('an event', () => {
  it('knows where it stands, and what the decoder clamped is passed on', () => {
    const request = { ...traces(mapper.keys, [{ attributes: chat() }, { attributes: {} }, { attributes: chat() }]), clamped: { depth: 2 } }
    const { events, clamped } = mapper.map(request, { topic: 't', epoch: 'e', partition: 3, offset: 77, timestampMillis: 0 })
    expect(events.map(({ position }) => position)).toEqual([
      { topic: 't', epoch: 'e', partition: 3, offset: 77, index: 0 },
      { topic: 't', epoch: 'e', partition: 3, offset: 77, index: 1 },
    ])
    expect(clamped).toEqual({ depth: 2 })
  })

  it('of a log record needs what makes it one', () => {
    const log = (eventName: string, attributes: Record<string, unknown>, timeMicros = noon) => ({
      timeMicros,
      observedMicros: 0,
      eventName,
      traceId: '',
      spanId: '',
      attributes: attributeList(mapper.keys, attributes),
    })
    const logs = [
      log('tidewatch.training.sample', { 'tidewatch.training.loss': 1 }),
      log('tidewatch.training.update', { 'tidewatch.training.run.id': 'r' }),
      log('tidewatch.training.sample', { 'tidewatch.training.run.id': 'r' }, 0),
      log('gen_ai.client.inference.operation.details', chat()),
      log('', { 'event.name': 'something' }),
    ]
    const { events, refused, ignored } = mapper.map(
      { signal: 'logs', scopes: [scopeRecords(mapper.keys, { logs })], clamped: {} },
      origin(),
    )
    expect(events).toEqual([])
    expect(refused.map(({ reason, index }) => [index, reason])).toEqual([
      [0, 'tidewatch.training.sample without tidewatch.training.run.id'],
      [1, 'tidewatch.training.update without tidewatch.training.client'],
      [2, 'tidewatch.training.sample has no usable time'],
    ])
    expect(ignored).toEqual({ log_repeats_call: 1, log_not_an_event: 1 })
  })
})
