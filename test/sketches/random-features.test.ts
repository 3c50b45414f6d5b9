import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../src/sketches/random.ts'
import { hadamard, RandomFeatures } from '../../src/sketches/random-features.ts'

function unit(random: ReturnType<typeof createRandom>, length: number): Float32Array {
  const vector = Float32Array.from({ length }, () => random.normal())
  const norm = Math.hypot(...vector)
  return vector.map((value) => value / norm)
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0)
}

describe('random features', () => {
  it('transforms as the Hadamard matrix does: twice is the identity times the size', () => {
    fc.assert(
      fc.property(fc.constantFrom(2, 8, 64), fc.integer(), (size, seed) => {
        const random = createRandom(String(seed))
        const values = Float64Array.from({ length: size }, () => random.normal())
        const twice = values.slice()
        hadamard(twice)
        hadamard(twice)
        twice.forEach((value, i) => {
          expect(value / size).toBeCloseTo(values[i], 10)
        })
      }),
    )
  })

  it.each([16, 96, 128, 384])('approximate the Gaussian kernel of unit vectors of length %d', (length) => {
    const random = createRandom(`kernel/${length}`)
    const errors: number[] = []
    const projections = Array.from({ length: 30 }, (_, seed) => new RandomFeatures({ size: 128, bandwidth: 1, seed: `${length}/${seed}` }))
    for (let pair = 0; pair < 40; pair++) {
      const x = unit(random, length)
      const y = unit(random, length).map((value, i) => value + (pair / 20) * x[i])
      const norm = Math.hypot(...y)
      const z = y.map((value) => value / norm)
      // The mean over independent projections is the kernel; one projection of 128 scatters by about 1 / sqrt(128).
      let estimate = 0
      for (const features of projections) {
        const a = new Float32Array(128)
        const b = new Float32Array(128)
        features.addTo(a, x)
        features.addTo(b, z)
        estimate += dot(a, b) / 128 / 30
      }
      errors.push(estimate - Math.exp(-0.5 * (2 - 2 * dot(x, z))))
    }
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(0.08)
    expect(Math.abs(errors.reduce((sum, e) => sum + e, 0) / errors.length)).toBeLessThan(0.015)
  })

  it('are sums: adding calls one by one, or two sketches, is the same', () => {
    const features = new RandomFeatures({ size: 64, bandwidth: 1, seed: 'sum' })
    const random = createRandom('sum')
    const vectors = Array.from({ length: 20 }, () => unit(random, 40))
    const all = new Float32Array(64)
    const left = new Float32Array(64)
    const right = new Float32Array(64)
    vectors.forEach((vector, i) => {
      features.addTo(all, vector)
      features.addTo(i < 7 ? left : right, vector)
    })
    all.forEach((value, i) => {
      expect(left[i] + right[i]).toBeCloseTo(value, 3)
    })
  })

  it('do not depend on the length of the vector, only on its direction', () => {
    const features = new RandomFeatures({ size: 64, bandwidth: 1, seed: 'scale' })
    const vector = unit(createRandom('scale'), 50)
    const a = new Float32Array(64)
    const b = new Float32Array(64)
    features.addTo(a, vector)
    features.addTo(
      b,
      vector.map((value) => value * 1000),
    )
    a.forEach((value, i) => {
      expect(b[i]).toBeCloseTo(value, 4)
    })
  })

  it('refuse vectors without a direction and leave the sum alone', () => {
    const features = new RandomFeatures({ size: 64, bandwidth: 1, seed: 'none' })
    const sum = new Float32Array(64)
    for (const value of [0, Number.NaN, Number.POSITIVE_INFINITY]) expect(features.addTo(sum, new Float32Array(8).fill(value))).toBe(false)
    expect(features.addTo(sum, new Float32Array(0))).toBe(false)
    expect(sum.every((value) => value === 0)).toBe(true)
  })
})
