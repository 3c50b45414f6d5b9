import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { ClassGaussian } from '../../src/sketches/class-gaussian.ts'
import { ClassTrends } from '../../src/sketches/class-trends.ts'
import { createRandom } from '../../src/sketches/random.ts'

const random = createRandom('class trends')

describe('ClassTrends', () => {
  it('leaves what the line of the class does not explain, says nothing of a class it hardly knows, and survives encoding', () => {
    const trends = new ClassTrends(2)
    expect(trends.residual(0, 1, 1)).toBeNaN()
    for (let i = 0; i < 2000; i++) {
      const given = random.normal()
      trends.learn(0, given, 5 + 3 * given + 0.1 * random.normal())
      trends.learn(1, given, -given)
    }
    const writer = new ByteWriter(16)
    trends.encode(writer)
    const again = ClassTrends.decode(new ByteReader(writer.finish()), 2)
    for (const one of [trends, again]) {
      expect(one.residual(0, 2, 11)).toBeCloseTo(0, 0)
      expect(one.residual(0, -2, 11)).toBeCloseTo(12, 0)
      expect(one.residual(1, 2, -2)).toBeCloseTo(0, 1)
    }
  })
})

describe('ClassGaussian with classes of different shape', () => {
  it('finds far what is ordinary only for another class', () => {
    const gaussian = new ClassGaussian(2, 2)
    for (let i = 0; i < 2000; i++) {
      gaussian.learn(Float64Array.of(5 * random.normal(), 0.1 * random.normal()), 0)
      gaussian.learn(Float64Array.of(0.1 * random.normal(), 5 * random.normal()), 1)
    }
    gaussian.refresh()
    const across = Float64Array.of(0, 5)
    expect(gaussian.distance(across, 1)).toBeLessThan(4)
    expect(gaussian.distance(across, 0)).toBeGreaterThan(100)
  })
})
