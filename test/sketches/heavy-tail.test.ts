import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { HeavyTail } from '../../src/sketches/heavy-tail.ts'
import { createRandom } from '../../src/sketches/random.ts'

function heard(values: Iterable<number>): HeavyTail {
  const tail = new HeavyTail()
  for (const value of values) tail.add(value)
  return tail
}

function normals(count: number): number[] {
  const random = createRandom('heavy-tail')
  return Array.from({ length: count }, () => random.normal())
}

describe('heavy tail', () => {
  it('expects six degrees of freedom before it has heard anything', () => {
    expect(new HeavyTail().freedom).toBeCloseTo(6, 10)
  })

  it('becomes light on normal deviations, and heavy where a few are far out', () => {
    expect(heard(normals(5000)).freedom).toBeGreaterThan(40)
    const jumpy = heard(normals(500).map((value, i) => (i % 100 === 0 ? 9 : value)))
    expect(jumpy.freedom).toBeLessThan(5)
    expect(jumpy.pValue(8, 30)).toBeGreaterThan(50 * heard(normals(500)).pValue(8, 30))
  })

  it('is not made blind by what is absurd, nor broken by what is no number', () => {
    const tail = heard([...normals(500), 1e300, Number.NaN, Number.POSITIVE_INFINITY])
    expect(tail.freedom).toBeGreaterThan(4)
    expect(tail.pValue(40, 30)).toBeLessThan(1e-5)
  })

  it('is the same after it was written and read', () => {
    const tail = heard(normals(50))
    const writer = new ByteWriter(64)
    tail.encode(writer)
    expect(HeavyTail.decode(new ByteReader(writer.finish())).freedom).toBe(tail.freedom)
  })
})
