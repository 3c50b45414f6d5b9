import { describe, expect, it } from 'vitest'
import { classResiduals } from '../../src/sketches/class-residuals.ts'
import { createRandom } from '../../src/sketches/random.ts'

const d = 8

/** Two classes of normal vectors with unlike scales in each direction; `outliers` of each class lie far away. */
function twoClasses(size: number, outliers: number) {
  const random = createRandom(`residuals/${size}`)
  const vectors = new Float32Array(size * d)
  const classes = Uint16Array.from({ length: size }, (_, at) => at % 2)
  for (let at = 0; at < size; at++) {
    for (let i = 0; i < d; i++) vectors[at * d + i] = 10 * classes[at]! + (i + 1) * random.normal() + (at < 2 * outliers ? 300 : 0)
  }
  return { vectors, classes }
}

function meanSquare(values: Float64Array, from: number, to: number): number {
  let sum = 0
  for (let i = from * d; i < to * d; i++) sum += values[i]! ** 2
  return sum / (to - from)
}

describe('class residuals', () => {
  it('have about unit variance in every direction of every class', () => {
    const { vectors, classes } = twoClasses(2000, 0)
    const { values, usable } = classResiduals(vectors, d, classes, 2000)
    expect(usable.every((flag) => flag === 1)).toBe(true)
    for (let i = 0; i < d; i++) {
      let square = 0
      let mean = 0
      for (let at = 0; at < 2000; at++) {
        square += values[at * d + i]! ** 2 / 2000
        mean += values[at * d + i]! / 2000
      }
      // The ridge makes small directions smaller, clipping all of them a little.
      expect(square).toBeGreaterThan(0.25)
      expect(square).toBeLessThan(1.3)
      expect(Math.abs(mean)).toBeLessThan(0.15)
    }
  })

  it('are not bent by a twentieth of far vectors, which are clipped', () => {
    const clean = twoClasses(1000, 0)
    const spoilt = twoClasses(1000, 25)
    const a = classResiduals(clean.vectors, d, clean.classes, 1000)
    const b = classResiduals(spoilt.vectors, d, spoilt.classes, 1000)
    expect(meanSquare(b.values, 0, 50)).toBeGreaterThan(0.9 * b.clip ** 2)
    expect(meanSquare(b.values, 50, 1000) / meanSquare(a.values, 50, 1000)).toBeGreaterThan(0.4)
  })

  it('work for fifty vectors a class, for fewer than dimensions, and for none', () => {
    for (const size of [100, 10, 2, 1, 0]) {
      const { vectors, classes } = twoClasses(size, 0)
      const { values } = classResiduals(vectors, d, classes, size)
      expect(values.every(Number.isFinite)).toBe(true)
    }
    expect([...classResiduals(new Float32Array(2 * d), d, [0, 0], 2).usable]).toEqual([0, 0])
  })
})
