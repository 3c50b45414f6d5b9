import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Signal } from '../../../src/telemetry/otlp/records.ts'
import { decodeByProtobufjs, encode, requests, requestTypes } from './messages.ts'
import { expected } from './oracle.ts'
import { rewrite, type Style } from './rewrite.ts'
import { decode, keys, refusal, signals } from './support.ts'

/** A sequence of numbers for a seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const styles = fc.record({
  order: fc.constantFrom('as it is', 'descending', 'shuffled'),
  unknown: fc.boolean(),
  split: fc.boolean(),
  random: fc.integer().map(randomOf),
}) as fc.Arbitrary<Style>

/** One span with one attribute whose value is given as bytes of an AnyValue. */
function spanWith(anyValue: readonly number[]): Buffer {
  const value = Buffer.from([0x12, anyValue.length, ...anyValue])
  const pair = Buffer.concat([Buffer.from([0x0a, 1]), Buffer.from('k'), value])
  return nest([0x0a, 0x12, 0x12, 0x4a], pair)
}

/** Content inside of one length-delimited field after the other; the first tag is the outermost. */
function nest(tags: readonly number[], content: Uint8Array): Buffer {
  return tags.reduceRight((inner: Buffer, tag) => {
    const length: number[] = []
    let rest = inner.length
    for (; rest > 127; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128)
    return Buffer.concat([Buffer.from([tag, ...length, rest]), inner])
  }, Buffer.from(content))
}

function valueReadFrom(anyValue: readonly number[]): unknown {
  return decode(spanWith(anyValue), 'traces').scopes[0]!.spans[0]!.attributes.values[0]
}

describe('the protobuf decoder', () => {
  test.each(signals)('reads what protobufjs reads, in whatever order and parts the fields of %s come', (signal) => {
    fc.assert(
      fc.property(requests[signal], styles, (plain, style) => {
        const bytes = rewrite(requestTypes[signal], encode(signal, plain), style)
        expect(decode(bytes, signal)).toEqual(expected(signal, decodeByProtobufjs(signal, bytes), keys))
      }),
      { numRuns: 200 },
    )
  })

  test('gives the same a second and a third time, when it remembers what it read', () => {
    fc.assert(
      fc.property(requests.traces, (plain) => {
        const bytes = encode('traces', plain)
        const first = decode(bytes, 'traces')
        expect(decode(bytes, 'traces')).toEqual(first)
        expect(decode(bytes, 'traces')).toEqual(first)
      }),
      { numRuns: 100 },
    )
  })

  test('keeps nothing of the bytes, which the caller may write over', () => {
    fc.assert(
      fc.property(requests.traces, (plain) => {
        const bytes = encode('traces', plain)
        const kept = expected('traces', decodeByProtobufjs('traces', bytes), keys)
        const request = decode(bytes, 'traces')
        bytes.fill(0xff)
        expect(request).toEqual(kept)
      }),
      { numRuns: 100 },
    )
  })
})

describe('values', () => {
  test.each<[string, number[], number]>([
    ['the largest int64, as the nearest double', [0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], 2 ** 63],
    ['the smallest int64', [0x18, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], -(2 ** 63)],
    ['-1', [0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], -1],
    ['2^53 - 1, exactly', [0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f], Number.MAX_SAFE_INTEGER],
    ['a varint with more bytes than it needs', [0x18, 0x85, 0x80, 0x00], 5],
  ])('%s', (_, bytes, value) => {
    expect(valueReadFrom(bytes)).toBe(value)
  })

  test('the last of several scalars counts', () => {
    expect(valueReadFrom([0x0a, 1, 0x61, 0x18, 7])).toBe(7)
  })

  test('a list in two parts is one list, and of numbers only', () => {
    expect(valueReadFrom([0x2a, 4, 0x0a, 2, 0x18, 1, 0x2a, 4, 0x0a, 2, 0x18, 2])).toEqual(Float64Array.of(1, 2))
  })

  test('an attribute of two values and no key is none, whatever the values look like', () => {
    const pair = Buffer.from([0x12, 2, 0x18, 5, 0x12, 1, 'k'.charCodeAt(0)])
    expect(decode(nest([0x0a, 0x12, 0x12, 0x4a], pair), 'traces').scopes[0]!.spans[0]!.attributes.slots).toEqual([])
  })

  test('of several kinds of data of a metric the last counts, with all its parts', () => {
    const point = (value: number): Buffer => nest([0x0a], Buffer.from([0x31, value, 0, 0, 0, 0, 0, 0, 0]))
    const data = [nest([0x2a], point(1)), nest([0x3a], point(2)), nest([0x3a], Buffer.from([0x10, 2])), nest([0x3a], point(3))]
    const { points } = decode(nest([0x0a, 0x12, 0x12], Buffer.concat(data)), 'metrics').scopes[0]!
    expect(points.map(({ kind, temporality, value }) => [kind, temporality, value])).toEqual([
      ['sum', 2, 2],
      ['sum', 2, 3],
    ])
  })

  test('text that is not UTF-8 keeps what is', () => {
    expect(valueReadFrom([0x0a, 3, 0x61, 0xff, 0x62])).toBe('a\ufffdb')
  })

  test('lists that records share cannot be changed', () => {
    const list = [0x2a, 5, 0x0a, 3, 0x0a, 1, 0x7a]
    for (let i = 0; i < 3; i++) expect(valueReadFrom(list)).toEqual(['z'])
    expect(Object.isFrozen(valueReadFrom(list))).toBe(true)
  })
})

describe('bad bytes', () => {
  const sample = (signal: Signal): Buffer[] => fc.sample(requests[signal], { seed: 11, numRuns: 12 }).map((plain) => encode(signal, plain))

  test.each(signals)('%s cut off at any byte are refused, or are whole requests', (signal) => {
    for (const bytes of sample(signal)) {
      for (let end = 0; end < bytes.length; end++) {
        const code = refusal(bytes.subarray(0, end), signal)
        expect([null, 'TW_TELEMETRY_TRUNCATED']).toContain(code)
        if (code === null) expect(() => decodeByProtobufjs(signal, bytes.subarray(0, end))).not.toThrow()
      }
    }
  })

  test.each(signals)('random and damaged %s never end in anything but an error of ours', (signal) => {
    const damaged = fc
      .tuple(
        fc.constantFrom(...sample(signal).filter(({ length }) => length > 0)),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 5 }),
      )
      .map(([bytes, writes]) => {
        const copy = Buffer.from(bytes)
        for (const [at, byte] of writes) copy[at % copy.length] = byte
        return copy
      })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), (bytes) => {
        refusal(bytes, signal)
      }),
      { numRuns: 2000 },
    )
  })

  test.each(signals)('damaged %s that both readers accept mean the same to both', (signal) => {
    const damaged = fc.tuple(fc.constantFrom(...sample(signal).filter(({ length }) => length > 0)), fc.nat(), fc.nat(255))
    let compared = 0
    fc.assert(
      fc.property(damaged, ([bytes, at, byte]) => {
        const copy = Buffer.from(bytes)
        copy[at % copy.length] = byte
        if (refusal(copy, signal) !== null) return
        let theirs: ReturnType<typeof decodeByProtobufjs>
        try {
          theirs = decodeByProtobufjs(signal, copy)
        } catch {
          // They read attributes that we pass over, and refuse text that is not UTF-8.
          return
        }
        compared++
        expect(decode(copy, signal)).toEqual(expected(signal, theirs, keys))
      }),
      { numRuns: 500 },
    )
    expect(compared).toBeGreaterThan(100)
  })

  test.each<[string, Uint8Array, string]>([
    ['a length beyond the end', Buffer.from([0x0a, 5, 1]), 'TW_TELEMETRY_TRUNCATED'],
    ['a length of 2^35', Buffer.from([0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]), 'TW_TELEMETRY_TRUNCATED'],
    ['a varint that has no end', Buffer.from([0x08, 0x80]), 'TW_TELEMETRY_TRUNCATED'],
    ['a varint of 11 bytes', Buffer.from([0x08, ...Array<number>(10).fill(0x80), 0x01]), 'TW_TELEMETRY_MALFORMED'],
    ['field number 0', Buffer.from([0x02, 0]), 'TW_TELEMETRY_MALFORMED'],
    ['a field number of 33 bits', Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0]), 'TW_TELEMETRY_MALFORMED'],
    ['wire type 6', Buffer.from([0x0e]), 'TW_TELEMETRY_MALFORMED'],
    ['wire type 7', Buffer.from([0x0f]), 'TW_TELEMETRY_MALFORMED'],
    ['a group that ends as another', Buffer.from([0x0b, 0x14]), 'TW_TELEMETRY_MALFORMED'],
    ['the end of a group that did not begin', Buffer.from([0x0c]), 'TW_TELEMETRY_MALFORMED'],
    ['a group that has no end', Buffer.from([0x0b]), 'TW_TELEMETRY_TRUNCATED'],
    ['groups 200 deep', Buffer.from([...Array<number>(200).fill(0x0b), ...Array<number>(200).fill(0x0c)]), 'TW_TELEMETRY_TOO_DEEP'],
    ['a field that leaves its message', nest([0x0a], Buffer.from([0x12, 9, 0])).subarray(0), 'TW_TELEMETRY_TRUNCATED'],
    [
      'a field that leaves a message inside',
      Buffer.concat([nest([0x0a, 0x12], Buffer.from([0x12, 9, 0])), Buffer.alloc(20, 0x10)]),
      'TW_TELEMETRY_MALFORMED',
    ],
  ])('%s', (_, bytes, code) => {
    expect(refusal(bytes, 'traces')).toBe(code)
  })

  test.each<[string, number[]]>([
    ['a varint', [0x30, 0x80]],
    ['a fixed64', [0x39, 1, 2, 3]],
    ['a skipped fixed32', [0x85, 0x01, 1]],
    ['a text', [0x2a, 2, 0x61]],
    ['an attribute', [0x4a, 2, 0x0a]],
    ['a tag', [0x85]],
    ['a group', [0x0b, 0x10]],
  ])('%s that goes beyond the end of its span is refused, though there are bytes behind it', (_, span) => {
    // Behind it are fields that would be read as well from where the overrun ends.
    const bytes = Buffer.concat([nest([0x0a, 0x12, 0x12], Buffer.from(span)), Buffer.alloc(11, 0x10)])
    expect(refusal(bytes, 'traces')).toBe('TW_TELEMETRY_MALFORMED')
  })

  test('values nested too deep are refused where somebody reads them, and passed over elsewhere', () => {
    const deep = (levels: number, key: string): Buffer => {
      let value = nest([0x0a], Buffer.from('x'))
      for (let level = 0; level < levels; level++) value = nest([0x2a, 0x0a], value)
      const pair = Buffer.concat([nest([0x0a], Buffer.from(key)), nest([0x12], value)])
      return nest([0x0a, 0x12, 0x12, 0x4a], pair)
    }
    expect(refusal(deep(32, 'k'), 'traces')).toBe(null)
    expect(refusal(deep(33, 'k'), 'traces')).toBe('TW_TELEMETRY_TOO_DEEP')
    expect(refusal(deep(5000, 'k'), 'traces')).toBe('TW_TELEMETRY_TOO_DEEP')
    expect(refusal(deep(5000, 'nobody'), 'traces')).toBe(null)
  })

  test.each<[string, Signal, readonly number[]]>([
    ['spans', 'traces', [0x12, 0]],
    ['log records', 'logs', [0x12, 0]],
  ])('more %s than a request may hold are refused before they fill the memory', (_, signal, record) => {
    const bytes = nest([0x0a, 0x12], Buffer.from(Array(100).fill(record).flat()))
    expect(refusal(bytes, signal, { maxRecords: 101 })).toBe(null)
    expect(refusal(bytes, signal, { maxRecords: 100 })).toBe('TW_TELEMETRY_TOO_LARGE')
  })
})
