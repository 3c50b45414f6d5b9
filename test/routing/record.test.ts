import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { errorCode } from '../../src/errors.ts'
import { decodeRecord, encodeRecord, type StageRecord } from '../../src/routing/record.ts'
import { anyEvent, anyObservation, anyPosition } from './arbitraries.ts'

const origin = fc.record({ topic: fc.string(), epoch: fc.string(), partition: fc.nat() })
const anyRecord: fc.Arbitrary<StageRecord> = fc.oneof(
  fc.record({ type: fc.constant('event' as const), routes: fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 3 }), event: anyEvent }),
  fc.record({ type: fc.constant('observation' as const), position: anyPosition, observation: anyObservation }),
  fc.record({ type: fc.constant('time' as const), origin, watermark: fc.double() }),
)

const codeOf = (bytes: Uint8Array) => {
  try {
    decodeRecord(bytes)
    return null
  } catch (error) {
    return errorCode(error) ?? error
  }
}

describe('records between the stages', () => {
  it('come back as they were, every kind and every value', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        expect(decodeRecord(encodeRecord(record))).toEqual(record)
      }),
      { numRuns: 2000, seed: 1 },
    )
  })

  it('are refused where they were cut, have a tail, or are of another version', () => {
    fc.assert(
      fc.property(anyRecord, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (record, share) => {
        const bytes = encodeRecord(record)
        expect(codeOf(bytes.subarray(0, Math.floor(share * bytes.length)))).toBe('TW_RECORD_UNREADABLE')
        expect(codeOf(new Uint8Array([...bytes, 0]))).toBe('TW_RECORD_UNREADABLE')
        expect(codeOf(new Uint8Array([bytes[0]! + 1, ...bytes.subarray(1)]))).toBe('TW_RECORD_UNREADABLE')
      }),
      { numRuns: 500, seed: 2 },
    )
  })

  it('never throw anything else, nor take all memory, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(0, 1, 2), (bytes, type) => {
        expect([null, 'TW_RECORD_UNREADABLE']).toContain(codeOf(new Uint8Array([1, type, ...bytes])))
      }),
      { numRuns: 2000, seed: 3 },
    )
  })
})
