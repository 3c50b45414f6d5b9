import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BinaryCode } from '../../src/sketches/binary-code.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { DecayedSums, decayHours } from '../../src/sketches/decayed-sums.ts'
import { createRandom } from '../../src/sketches/random.ts'
import { SortedValues } from '../../src/sketches/sorted-values.ts'

const hour = 3.6e9

function sumsOf(events: readonly (readonly [number, number])[]): DecayedSums {
  const sums = new DecayedSums(2)
  for (const [time, amount] of events) sums.add(time, [amount, 2 * amount])
  return sums
}

const events = fc.array(
  fc.tuple(
    fc.nat({ max: 200 }).map((quarter) => (quarter * hour) / 4),
    fc.integer({ min: 0, max: 20 }),
  ),
  {
    minLength: 1,
    maxLength: 30,
  },
)

describe('decayed sums', () => {
  it('weigh every amount by its age, in whatever order the events come', () => {
    fc.assert(
      fc.property(events, (some) => {
        const newest = Math.max(...some.map(([time]) => time))
        const sums = sumsOf(some)
        decayHours.forEach((hours, scale) => {
          const exact = some.reduce((sum, [time, amount]) => sum + amount * Math.exp(-(newest - time) / (hours * hour)), 0)
          expect(sums.sums[scale]).toBeCloseTo(exact, 3)
          expect(sums.sums[decayHours.length + scale]).toBeCloseTo(2 * exact, 3)
        })
      }),
    )
  })

  it('add up over subjects, and survive encoding', () => {
    fc.assert(
      fc.property(events, events, (some, others) => {
        const merged = sumsOf(some)
        merged.merge(sumsOf(others))
        const together = sumsOf([...some, ...others])
        const writer = new ByteWriter(64)
        merged.encode(writer)
        const decoded = DecayedSums.decode(new ByteReader(writer.finish()), 2)
        decayHours.forEach((_, scale) => {
          expect(merged.sums[scale]).toBeCloseTo(together.sums[scale], 3)
          expect(decoded.sums[scale]).toBe(merged.sums[scale])
        })
      }),
    )
  })
})

describe('binary codes', () => {
  const random = createRandom('codes')
  const code = new BinaryCode({ length: 64, bandwidth: 1, seed: 'test' })
  const differing = (distance: number): number => {
    let bits = 0
    for (let pair = 0; pair < 400; pair++) {
      const one = Float32Array.from({ length: 64 }, () => random.normal())
      const norm = Math.hypot(...one)
      const other = one.map((x) => x + (distance * norm * random.normal()) / 8)
      let changed = code.cellOf(one) ^ code.cellOf(other)
      for (; changed !== 0; changed &= changed - 1) bits++
    }
    return bits / 400 / 16
  }

  it('differ in a share of bits that grows with the distance and levels off at one half', () => {
    const shares = [0.05, 0.2, 0.6, 5].map(differing)
    expect(shares[0]).toBeLessThan(0.05)
    expect(shares[1]).toBeGreaterThan(shares[0])
    expect(shares[2]).toBeGreaterThan(shares[1])
    expect(shares[3]).toBeGreaterThan(0.25)
    expect(shares[3]).toBeLessThan(0.55)
  })

  it('depend on the direction only, and know none of what has none', () => {
    const vector = Float32Array.from({ length: 64 }, () => random.normal())
    expect(code.cellOf(vector.map((x) => 8 * x))).toBe(code.cellOf(vector))
    expect(code.cellOf(new Float32Array(64))).toBe(-1)
    expect(code.cellOf(new Float32Array(64).fill(Number.NaN))).toBe(-1)
  })
})

describe('sorted values', () => {
  it('are those that were added and not removed, ascending', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 200 }), fc.nat(), (values, pick) => {
        const sorted = new SortedValues()
        for (const value of values) sorted.add(value)
        const out = values[pick % values.length]
        const rest = [...values.slice(0, pick % values.length), ...values.slice((pick % values.length) + 1)].sort((a, b) => a - b)
        expect([...sorted.without(out)]).toEqual(rest)
        sorted.remove(out)
        expect([...sorted.without(undefined)]).toEqual(rest)
        expect([...SortedValues.of(rest).without(undefined)]).toEqual(rest)
      }),
    )
  })
})
