import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Tally } from '../../src/telemetry/tally.ts'
import { parseVector } from '../../src/telemetry/vector.ts'
import { chat, mapSpans, onlyCall } from './support.ts'

function bytesOf(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4))
  for (const [i, value] of values.entries()) view.setFloat32(i * 4, value, true)
  return new Uint8Array(view.buffer)
}

function refusal(value: unknown, maxLength = 100): Tally {
  const clamped: Tally = {}
  expect(parseVector(value, maxLength, clamped)).toBeNull()
  return clamped
}

describe('a vector', () => {
  it('is the same from an array of numbers, from bytes and from base64', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 50 }),
        fc.nat(7),
        (values, shift) => {
          const expected = Float32Array.from(values)
          const bytes = bytesOf(values)
          // Bytes stand anywhere in a request's buffer, not where float32 may be read from.
          const shifted = new Uint8Array(bytes.length + shift)
          shifted.set(bytes, shift)
          const forms = [Float64Array.from(values), values, bytes, shifted.subarray(shift), Buffer.from(bytes).toString('base64')]
          for (const form of forms) expect(parseVector(form, 50, {})).toEqual(expected)
        },
      ),
    )
  })

  it('is a copy: the buffer of the request may be used again', () => {
    const bytes = bytesOf([1, 2])
    const vector = parseVector(bytes, 10, {})
    bytes.fill(0)
    expect(vector).toEqual(Float32Array.of(1, 2))
  })

  it.each<[string, unknown, string]>([
    ['bytes that are no multiple of 4', new Uint8Array(7), 'vector_length'],
    ['base64 of bytes that are no multiple of 4', Buffer.alloc(7).toString('base64'), 'vector_length'],
    ['text that is no base64', 'not base64!!', 'vector_base64'],
    ['text with base64 in it', `${Buffer.alloc(8).toString('base64')} and more`, 'vector_base64'],
    ['NaN inside', [1, Number.NaN], 'vector_not_finite'],
    ['NaN inside bytes', bytesOf([1, Number.NaN]), 'vector_not_finite'],
    ['infinity inside', Float64Array.of(1, Number.NEGATIVE_INFINITY), 'vector_not_finite'],
    ['what float32 cannot hold', [1e300], 'vector_not_finite'],
    ['nothing inside', new Float64Array(0), 'vector_empty'],
    ['no bytes', new Uint8Array(0), 'vector_empty'],
    ['a list with text', [1, 'two'], 'vector_type'],
    ['a number', 3, 'vector_type'],
    ['a mapping', { a: 1 }, 'vector_type'],
    ['too many numbers', new Float64Array(101), 'vector_too_long'],
    ['too many bytes', new Uint8Array(404), 'vector_too_long'],
    ['too much base64', 'A'.repeat(4000), 'vector_too_long'],
  ])('with %s is dropped and counted', (_, value, reason) => {
    expect(refusal(value)).toEqual({ [reason]: 1 })
  })

  it('that is dropped leaves its call', () => {
    const { events, clamped } = mapSpans([{ attributes: chat({ 'tidewatch.input.embedding': 'AAA', 'user.id': 'alice' }) }])
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({ embedding: null, principal: { id: 'alice' } })
    expect(clamped).toEqual({ vector_length: 1 })
  })

  it('of an activation needs its layer', () => {
    expect(onlyCall(chat({ 'tidewatch.activation.vector': [1], 'tidewatch.activation.layer': 'fc' })).activation?.layer).toBe('fc')
    const { events, clamped } = mapSpans([{ attributes: chat({ 'tidewatch.activation.vector': [1] }) }])
    expect(events[0]).toMatchObject({ activation: null })
    expect(clamped).toEqual({ activation_without_layer: 1 })
  })

  it('of another length than before is taken, and counted', () => {
    const lengths = [2, 2, 3, 3, 2].map((length, i) => ({
      id: `v${i}`,
      attributes: chat({ 'tidewatch.input.embedding': Array(length).fill(1) }),
    }))
    const { events, clamped } = mapSpans(lengths)
    expect(events.map((event) => event.kind === 'call' && event.embedding?.length)).toEqual([2, 2, 3, 3, 2])
    expect(clamped).toEqual({ vector_length_changed: 2 })
  })

  it('that a model gives as its answer is no embedding of the input', () => {
    const attributes = {
      'openinference.span.kind': 'EMBEDDING',
      'embedding.model_name': 'e',
      'embedding.embeddings.0.embedding.vector': [1, 2],
    }
    expect(onlyCall(attributes).embedding).toBeNull()
  })
})
