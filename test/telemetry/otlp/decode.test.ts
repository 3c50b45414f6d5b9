import { describe, expect, test } from 'vitest'
import { encode } from './messages.ts'
import { decode, refusal, signals } from './support.ts'

const json = '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"s"}]}]}]}'

describe('telling JSON from protobuf', () => {
  test.each([
    ['as it is', json],
    ['after white space, a line feed first as in protobuf', `\n${json}`],
    ['after a line feed, and spread over lines', `\n${JSON.stringify(JSON.parse(json), null, 2)}`],
    ['after all kinds of white space', ` \r\n\t${json}`],
    ['after a byte order mark', `\ufeff${json}`],
    ['with white space behind it', `${json}\n\n`],
  ])('JSON %s', (_, text) => {
    for (const signal of [null, 'traces'] as const) expect(decode(Buffer.from(text), signal).scopes[0]!.spans[0]!.name).toBe('s')
  })

  test('protobuf of every length that looks like the beginning of JSON', () => {
    // The length of the first resource's spans is a second byte of 0x7B, an opening brace.
    for (let padding = 0; padding < 120; padding++) {
      const plain = {
        resourceSpans: [
          { resource: { attributes: [{ key: 'k', value: { stringValue: 'v'.repeat(padding) } }] }, schemaUrl: 'u'.repeat(120 - padding) },
        ],
      }
      for (const spans of [[], [{ name: 's' }]]) {
        const bytes = encode('traces', { resourceSpans: [{ ...plain.resourceSpans[0]!, scopeSpans: [{ spans }] }] })
        expect(decode(bytes, 'traces').scopes[0]!.spans).toHaveLength(spans.length)
      }
    }
    const brace = encode('traces', { resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'n'.repeat(117) }] }] }] })
    expect(brace[1]).toBe(0x7b)
    expect(decode(brace, 'traces').scopes[0]!.spans[0]!.name).toHaveLength(117)
  })

  test('the content of JSON says of which signal it is, whatever the topic says', () => {
    expect(decode(Buffer.from(json), 'metrics').signal).toBe('traces')
    expect(decode(Buffer.from('{"resourceLogs":[]}'), null).signal).toBe('logs')
  })

  test('protobuf of an unknown signal is refused: the three requests look the same', () => {
    expect(refusal(encode('traces', { resourceSpans: [{}] }), null)).toBe('TW_TELEMETRY_MALFORMED')
  })

  test('bytes that are neither', () => {
    for (const text of ['hello', '   ', '[1, 2]', '<html>', 'null']) expect(refusal(Buffer.from(text), 'traces'), text).not.toBe(null)
  })
})

describe('sizes', () => {
  test.each(signals)('nothing at all is an empty request of %s', (signal) => {
    expect(decode(new Uint8Array(0), signal)).toEqual({ signal, scopes: [], clamped: {} })
    expect(decode(Buffer.from('{}'), signal)).toEqual({ signal, scopes: [], clamped: {} })
  })

  test('nothing at all of an unknown signal', () => {
    expect(decode(new Uint8Array(0), null).scopes).toEqual([])
  })

  test('more bytes than allowed are refused undecoded', () => {
    expect(refusal(Buffer.from(json), null, { maxBytes: json.length })).toBe(null)
    expect(refusal(Buffer.from(json), null, { maxBytes: json.length - 1 })).toBe('TW_TELEMETRY_TOO_LARGE')
  })

  test('a part of a larger buffer is read as just that part', () => {
    const bytes = encode('traces', { resourceSpans: [{ scopeSpans: [{ spans: [{ name: 's' }] }] }] })
    const large = Buffer.concat([Buffer.alloc(7, 0xff), bytes, Buffer.alloc(9, 0xff)])
    expect(decode(large.subarray(7, 7 + bytes.length), 'traces')).toEqual(decode(bytes, 'traces'))
    expect(decode(new Uint8Array(large.buffer, large.byteOffset + 7, bytes.length), 'traces')).toEqual(decode(bytes, 'traces'))
  })
})
