import fc from 'fast-check'
import { mean, probit, sampleCovariance, standardDeviation } from 'simple-statistics'
import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { PopulationGaussian } from '../../src/sketches/gaussian.ts'
import { solve3 } from '../../src/sketches/least-squares.ts'
import { normalQuantile, normalTail, studentQuantile, studentTail } from '../../src/sketches/normal.ts'
import { createRandom, hash32 } from '../../src/sketches/random.ts'
import { RecentSums } from '../../src/sketches/recent.ts'

describe('random numbers', () => {
  it('are the same for the same seed and others for another', () => {
    const draw = (seed: string) => Array.from({ length: 5 }, createRandom(seed).uint32)
    expect(draw('a')).toEqual(draw('a'))
    expect(draw('a')).not.toEqual(draw('b'))
  })

  it('have the moments of their distributions', () => {
    const random = createRandom('moments')
    const uniform = Array.from({ length: 20_000 }, random.uniform)
    const normal = Array.from({ length: 20_000 }, random.normal)
    expect(mean(uniform)).toBeCloseTo(0.5, 1.8)
    expect(standardDeviation(uniform)).toBeCloseTo(Math.sqrt(1 / 12), 1.8)
    expect(Math.abs(mean(normal))).toBeLessThan(0.03)
    expect(standardDeviation(normal)).toBeCloseTo(1, 1.3)
  })

  it('hash texts without collisions where a birthday would not have one', () => {
    expect(new Set(Array.from({ length: 5000 }, (_, i) => hash32(`text ${i}`))).size).toBeGreaterThan(4990)
  })
})

describe('distributions', () => {
  it.each([
    [1.6448536, 0.05],
    [3.0902323, 1e-3],
    [4.7534243, 1e-6],
    [-1.2815516, 0.9],
  ])('the normal tail beyond %d is %d', (z, p) => {
    expect(normalTail(z) / p).toBeCloseTo(1, 5)
    expect(normalQuantile(p)).toBeCloseTo(z, 5)
    expect(normalQuantile(p)).toBeCloseTo(-probit(p), 1)
  })

  it.each([
    [2.228139, 10, 0.025],
    [3.169273, 10, 0.005],
    [3.385185, 30, 0.001],
  ])("Student's tail beyond %d with %d degrees of freedom is %d", (t, freedom, p) => {
    expect(studentTail(t, freedom) / p).toBeCloseTo(1, 1)
    expect(studentTail(studentQuantile(p, freedom), freedom) / p).toBeCloseTo(1, 5)
  })
})

describe('population Gaussian', () => {
  it('measures distances as the shrunk covariance of all vectors does', () => {
    const random = createRandom('gaussian')
    const vectors = Array.from({ length: 40 }, () => Float32Array.of(random.normal(), 3 * random.normal()))
    const [xs, ys] = [0, 1].map((i) => vectors.map((vector) => vector[i]))
    const shrinkage = 2 / 42
    const ridge = (shrinkage * (sampleCovariance(xs, xs) + sampleCovariance(ys, ys))) / 2
    const a = (1 - shrinkage) * sampleCovariance(xs, xs) + ridge
    const b = (1 - shrinkage) * sampleCovariance(xs, ys)
    const d = (1 - shrinkage) * sampleCovariance(ys, ys) + ridge
    const [x, y] = [1.5 - mean(xs), -2 - mean(ys)]
    const expected = (d * x * x - 2 * b * x * y + a * y * y) / (a * d - b * b)
    expect(PopulationGaussian.of(vectors).distance(Float32Array.of(1.5, -2), null)).toBeCloseTo(expected, 4)
  })

  it('leaves the own vector out: about what a model without it says', () => {
    const random = createRandom('own')
    const vectors = Array.from({ length: 60 }, () => Float32Array.from({ length: 5 }, random.normal))
    vectors.push(new Float32Array(5).fill(6))
    const all = PopulationGaussian.of(vectors)
    const without = PopulationGaussian.of(vectors.slice(0, -1))
    const own = vectors[60]
    expect(all.distance(own, own) / without.distance(own, null)).toBeCloseTo(1, 0.3)
    expect(all.distance(own, null)).toBeLessThan(0.6 * without.distance(own, null))
  })

  it('stays finite for equal vectors', () => {
    const same = Array.from({ length: 5 }, () => new Float32Array(3).fill(2))
    expect(PopulationGaussian.of(same).distance(same[0], same[0])).toBeCloseTo(0, 6)
  })
})

it('least squares finds the coefficients of an exact plane', () => {
  fc.assert(
    fc.property(fc.tuple(...[0, 1, 2].map(() => fc.double({ min: -5, max: 5, noNaN: true }))), (truth) => {
      const random = createRandom('plane')
      const rows = Array.from({ length: 30 }, () => [1, random.normal(), random.normal()] as const)
      const found = solve3(
        rows,
        rows.map((row) => row[0] * truth[0] + row[1] * truth[1] + row[2] * truth[2]),
      )
      found.forEach((value, i) => {
        expect(value).toBeCloseTo(truth[i], 3)
      })
    }),
  )
})

describe('recent sums', () => {
  it('are what a full list of events says, late events included', () => {
    const slot = 1000
    const slots = 8
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 40_000 }), { minLength: 1, maxLength: 80 }),
        fc.integer({ min: 1, max: 8 }),
        (times, width) => {
          const sums = new RecentSums(slot, slots)
          const counted = new Map<number, number>()
          let newest = -1
          for (const time of times) {
            sums.add(time, 1)
            const at = Math.floor(time / slot)
            newest = Math.max(newest, at)
            if (at > newest - slots) counted.set(at, (counted.get(at) ?? 0) + 1)
            for (const old of counted.keys()) if (old <= newest - slots) counted.delete(old)
            let expected = 0
            for (const [key, value] of counted) if (key > newest - width) expected += value
            expect(sums.sum(width)).toBe(expected)
          }
          const writer = new ByteWriter()
          sums.encode(writer)
          expect(RecentSums.decode(new ByteReader(writer.finish()), slot, slots).sum(width)).toBe(sums.sum(width))
        },
      ),
    )
  })
})
