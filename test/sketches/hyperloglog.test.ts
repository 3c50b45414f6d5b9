import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { HyperLogLog } from '../../src/sketches/hyperloglog.ts'
import { hash32 } from '../../src/sketches/random.ts'

function sketchOf(values: Iterable<string | number>): HyperLogLog {
  const sketch = new HyperLogLog()
  for (const value of values) sketch.add(hash32(String(value)))
  return sketch
}

function bytesOf(sketch: HyperLogLog): Uint8Array {
  const writer = new ByteWriter()
  sketch.encode(writer)
  return writer.finish()
}

describe('HyperLogLog', () => {
  it('is exact for few values, in any order and repetition', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 200 }), (values) => {
        expect(sketchOf(values).count).toBe(new Set(values).size)
      }),
    )
  })

  it.each([100, 1000, 10_000, 100_000])('counts %d values with a standard error of about a twentieth, over twenty sets', (size) => {
    const errors = Array.from({ length: 20 }, (_, set) => {
      const counted = sketchOf(
        (function* () {
          for (let i = 0; i < size; i++) yield `${set}/${i}`
        })(),
      ).count
      return counted / size - 1
    })
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(0.18)
    expect(Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / errors.length)).toBeLessThan(0.07)
  })

  it('grows by what it returns, and never shrinks', () => {
    const sketch = new HyperLogLog()
    let sum = 0
    for (let i = 0; i < 5000; i++) {
      const growth = sketch.add(hash32(`value ${i}`))
      expect(growth).toBeGreaterThanOrEqual(0)
      sum += growth
    }
    expect(sketch.count).toBeCloseTo(sum, 6)
  })

  it('merges to the union: the same registers as one sketch of everything, and a count near it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 400 }), (a, b, shared) => {
        const left = [...Array(a).keys()].map((i) => `a${i}`).concat([...Array(shared).keys()].map((i) => `s${i}`))
        const right = [...Array(b).keys()].map((i) => `b${i}`).concat([...Array(shared).keys()].map((i) => `s${i}`))
        const merged = sketchOf(left)
        merged.merge(sketchOf(right))
        const size = a + b + shared
        expect(Math.abs(merged.count - size)).toBeLessThanOrEqual(Math.max(0.001, 0.3 * size))
        const again = sketchOf(right)
        again.merge(sketchOf(left))
        expect(again.count).toBeCloseTo(merged.count, size <= 24 ? 6 : -2)
        // A merge with itself, or with a part of itself, changes no register.
        const before = merged.count
        merged.merge(sketchOf(left))
        merged.merge(sketchOf(right))
        expect(merged.count).toBeCloseTo(before, size <= 24 ? 6 : -2)
      }),
      { numRuns: 50 },
    )
  })

  it('survives encoding at any size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), (size) => {
        const sketch = sketchOf(Array(size).keys())
        const bytes = bytesOf(sketch)
        const decoded = HyperLogLog.decode(new ByteReader(bytes))
        expect(decoded.count).toBe(sketch.count)
        for (let i = 0; i < 50; i++) expect(decoded.add(hash32(`new ${i}`))).toBe(sketch.add(hash32(`new ${i}`)))
        expect(bytes.length).toBeLessThan(280)
      }),
      { numRuns: 40 },
    )
  })
})
