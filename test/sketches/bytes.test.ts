import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'

it('reads back what was written, whatever the writer had to grow', () => {
  const field = fc.oneof(
    fc.record({ kind: fc.constant('u8' as const), value: fc.integer({ min: 0, max: 255 }) }),
    fc.record({ kind: fc.constant('u16' as const), value: fc.integer({ min: 0, max: 65535 }) }),
    fc.record({ kind: fc.constant('u32' as const), value: fc.integer({ min: 0, max: 0xffffffff }) }),
    fc.record({ kind: fc.constant('f64' as const), value: fc.double() }),
    fc.record({ kind: fc.constant('text' as const), value: fc.string({ unit: 'grapheme', maxLength: 300 }) }),
    fc.record({ kind: fc.constant('block' as const), value: fc.uint8Array({ maxLength: 300 }) }),
  )
  fc.assert(
    fc.property(fc.array(field, { maxLength: 30 }), (fields) => {
      const writer = new ByteWriter(1)
      for (const { kind, value } of fields) (writer[kind] as (value: unknown) => void).call(writer, value)
      const reader = new ByteReader(writer.finish())
      for (const { kind, value } of fields) expect(reader[kind]()).toEqual(value)
      expect(reader.done).toBe(true)
    }),
  )
})

it('refuses to read beyond the end', () => {
  const cut = new ByteWriter().text('hello').finish().subarray(0, 6)
  expect(() => new ByteReader(cut).text()).toThrow(RangeError)
  expect(() => new ByteReader(cut).f64()).toThrow(RangeError)
})
