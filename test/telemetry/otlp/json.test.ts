import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encode, requests } from './messages.ts'
import { type JsonStyle, toOtlpJson } from './otlp-json.ts'
import { decode, decodeJson, refusal, signals } from './support.ts'

const styles: fc.Arbitrary<JsonStyle> = fc.record({ snakeCase: fc.boolean(), plainIntegers: fc.boolean(), enumNames: fc.boolean() })

const traceId = '0af7651916cd43dd8448eb211c80319c'

function span(fields: object): ReturnType<typeof decodeJson> {
  return decodeJson({ resourceSpans: [{ scopeSpans: [{ spans: [fields] }] }] })
}

function withValue(value: unknown): ReturnType<typeof decodeJson> {
  return span({ attributes: [{ key: 'k', value }] })
}

describe('the JSON decoder', () => {
  test.each(signals)('gives for %s just what the protobuf decoder gives for the same request', (signal) => {
    fc.assert(
      fc.property(requests[signal], styles, (plain, style) => {
        const fromJson = decode(Buffer.from(toOtlpJson(plain, style)), signal)
        expect(fromJson).toEqual(decode(encode(signal, plain), signal))
      }),
      { numRuns: 150 },
    )
  })

  test('reads several signals from one record', () => {
    const { signal, scopes } = decodeJson({
      resourceLogs: [{ scopeLogs: [{ logRecords: [{ eventName: 'e' }] }] }],
      resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints: [{ asDouble: 1 }] } }] }] }],
      resourceSpans: [{ scopeSpans: [{ spans: [{ name: 's' }] }] }],
    })
    expect(signal).toBe('traces')
    expect(scopes.map(({ spans, points, logs }) => [spans.length, points.length, logs.length])).toEqual([
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ])
  })
})

describe('a value of AnyValue', () => {
  test.each<[string, unknown, unknown]>([
    ['an integer as text', { intValue: '9007199254740993' }, 9007199254740992],
    ['an integer as a number', { intValue: -7 }, -7],
    ['NaN', { doubleValue: 'NaN' }, Number.NaN],
    ['infinity', { doubleValue: '-Infinity' }, Number.NEGATIVE_INFINITY],
    ['a double as text', { doubleValue: '1.5e3' }, 1500],
    ['a boolean as text', { boolValue: 'true' }, true],
    ['false', { boolValue: false }, false],
    ['an empty text', { stringValue: '' }, ''],
    ['base64 of the URL alphabet', { bytesValue: '-_8' }, Uint8Array.of(0xfb, 0xff)],
    ['an empty list', { arrayValue: {} }, []],
    ['numbers', { arrayValue: { values: [{ intValue: '1' }, { doubleValue: 2.5 }] } }, Float64Array.of(1, 2.5)],
    [
      'a key that is special in JavaScript',
      { kvlistValue: { values: [{ key: '__proto__', value: { intValue: 1 } }] } },
      JSON.parse('{"__proto__": 1}'),
    ],
  ])('%s', (_, value, expected) => {
    const { scopes, clamped } = withValue(value)
    expect(scopes[0]!.spans[0]!.attributes.values).toEqual([expected])
    expect(clamped).toEqual({})
  })

  test.each<[string, unknown]>([
    ['a bare text', 'gpt'],
    ['a number where text is due', { stringValue: 5 }],
    ['a word where a number is due', { intValue: 'seven' }],
    ['an empty text where a number is due', { doubleValue: '' }],
    ['a number where a boolean is due', { boolValue: 1 }],
    ['what is not base64', { bytesValue: '%%%' }],
  ])('%s is left out and counted', (_, value) => {
    const { scopes, clamped } = withValue(value)
    expect(scopes[0]!.spans[0]!.attributes.values).toEqual([])
    expect(clamped).toEqual({ json_type: 1 })
  })
})

describe('a field of the wrong type is absent and counted, and the rest is used', () => {
  test.each<[string, object, object, Record<string, number>]>([
    ['a name that is a number', { name: 5, kind: 3 }, { name: '', kind: 3 }, { json_type: 1 }],
    ['a time that is a word', { startTimeUnixNano: 'now', name: 's' }, { startMicros: 0, name: 's' }, { json_type: 1 }],
    ['a time before 1970', { startTimeUnixNano: -5 }, { startMicros: 0 }, { json_type: 1 }],
    ['attributes that are no list', { attributes: { k: 1 }, name: 's' }, { name: 's' }, { json_type: 1 }],
    [
      'an attribute that is no object',
      { attributes: [5, { key: 'k', value: { stringValue: 'v' } }] },
      { attributes: { slots: [5], names: [''], values: ['v'] } },
      { json_type: 1 },
    ],
    ['a key that is a number', { attributes: [{ key: 5 }] }, {}, { json_type: 1 }],
    ['a status that is text', { status: 'ok' }, { statusCode: 0 }, { json_type: 1 }],
    ['events that are text', { events: 'none' }, { events: [] }, { json_type: 1 }],
    ['an unknown kind', { kind: 9 }, { kind: 0 }, { enum: 1 }],
    ['an unknown name of a kind', { kind: 'SPAN_KIND_ROBOT' }, { kind: 0 }, { enum: 1 }],
    ['a kind of one and a half', { kind: 1.5 }, { kind: 0 }, { enum: 1 }],
    [
      'a trace id that is too short',
      { traceId: 'abc', spanId: 'b7ad6b7169203331' },
      { traceId: '', spanId: 'b7ad6b7169203331' },
      { trace_id: 1 },
    ],
    ['a span id that is no hex', { spanId: 'zzad6b7169203331' }, { spanId: '' }, { span_id: 1 }],
  ])('%s', (_, fields, expected, counted) => {
    const { scopes, clamped } = span(fields)
    expect(scopes[0]!.spans[0]).toMatchObject(expected)
    expect(clamped).toEqual(counted)
  })

  test('ids are lowercase, and all zeros are none', () => {
    expect(span({ traceId: traceId.toUpperCase(), parentSpanId: '0000000000000000' }).scopes[0]!.spans[0]).toMatchObject({
      traceId,
      parentSpanId: '',
    })
  })

  test('a span that is no object is left out', () => {
    const { scopes, clamped } = decodeJson({ resourceSpans: [{ scopeSpans: [{ spans: [null, 'x', { name: 's' }] }] }] })
    expect(scopes[0]!.spans.map(({ name }) => name)).toEqual(['s'])
    expect(clamped).toEqual({ json_type: 2 })
  })
})

describe('refused', () => {
  test.each<[string, string, string]>([
    ['text that is not JSON', '{"resourceSpans": [', 'TW_TELEMETRY_MALFORMED'],
    ['an object of something else', '{"hello": 1}', 'TW_TELEMETRY_MALFORMED'],
    ['spans that are no list of resources', '{"resourceSpans": {"a": 1}}', 'TW_TELEMETRY_MALFORMED'],
    ['a resource that is a number', '{"resourceSpans": [5]}', 'TW_TELEMETRY_MALFORMED'],
    ['scopes that are no list', '{"resourceSpans": [{"scopeSpans": "x"}]}', 'TW_TELEMETRY_MALFORMED'],
  ])('%s', (_, text, code) => {
    expect(refusal(Buffer.from(text), null)).toBe(code)
  })

  test('the reason never quotes the text, which may be content', () => {
    expect(() => decodeJson('{"secret prompt')).toThrow(/^(?!.*secret)/s)
  })

  test('values nested too deep, without exhausting the stack, and only where somebody reads them', () => {
    const deep = (levels: number, key: string): Buffer =>
      Buffer.from(
        `{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"key":"${key}","value":${'{"arrayValue":{"values":['.repeat(levels)}{"intValue":1}${']}}'.repeat(levels)}}]}]}]}]}`,
      )
    expect(refusal(deep(32, 'k'), null)).toBe(null)
    expect(refusal(deep(33, 'k'), null)).toBe('TW_TELEMETRY_TOO_DEEP')
    expect(refusal(deep(20_000, 'k'), null)).toBe('TW_TELEMETRY_TOO_DEEP')
    expect(refusal(deep(20_000, 'nobody'), null)).toBe(null)
  })

  test('more records than a request may hold', () => {
    const json = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: Array(100).fill({}) }] }] })
    expect(refusal(Buffer.from(json), null, { maxRecords: 101 })).toBe(null)
    expect(refusal(Buffer.from(json), null, { maxRecords: 100 })).toBe('TW_TELEMETRY_TOO_LARGE')
  })

  test('arbitrary JSON ends in nothing but an error of ours', () => {
    const keyed = fc.constantFrom(
      'resourceSpans',
      'scopeSpans',
      'spans',
      'resourceMetrics',
      'scopeMetrics',
      'metrics',
      'sum',
      'summary',
      'dataPoints',
      'attributes',
      'key',
      'value',
      'arrayValue',
      'kvlistValue',
      'values',
      'resource',
      'scope',
      'status',
      'events',
      'traceId',
      'kind',
      'flags',
      'count',
      'k',
    )
    const { json } = fc.letrec((tie) => ({
      json: fc.oneof(
        { depthSize: 'large', maxDepth: 9 },
        fc.constantFrom(null, true, 0, -1, 1.5, 'x', '', 'k'),
        fc.array(tie('json'), { maxLength: 3 }),
        fc.dictionary(keyed, tie('json'), { maxKeys: 4 }),
      ),
    }))
    const requestsOfAnything = fc.dictionary(fc.constantFrom('resourceSpans', 'resourceMetrics', 'resourceLogs'), json)
    fc.assert(
      fc.property(requestsOfAnything, (anything) => {
        refusal(Buffer.from(JSON.stringify(anything)), null)
      }),
      { numRuns: 500 },
    )
  })
})
