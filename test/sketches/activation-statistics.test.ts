import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { ClassGaussian } from '../../src/sketches/class-gaussian.ts'
import { FusedWindows } from '../../src/sketches/fused-windows.ts'
import { IsolationForest } from '../../src/sketches/isolation-forest.ts'
import { LabelNorms } from '../../src/sketches/label-norms.ts'
import { createRandom } from '../../src/sketches/random.ts'
import { RunningScale } from '../../src/sketches/running-scale.ts'
import { Shares } from '../../src/sketches/shares.ts'

const random = createRandom('activation statistics')
const normals = (d: number, change: (x: number, i: number) => number = (x) => x): Float64Array =>
  Float64Array.from({ length: d }, (_, i) => change(random.normal(), i))

describe('ClassGaussian', () => {
  it('gives squared Mahalanobis distances from the class: as many as dimensions on average, whatever scales and correlations there are', () => {
    const gaussian = new ClassGaussian(6, 3)
    const draw = (label: number): Float64Array => {
      const x = normals(6)
      return x.map((_, i) => 10 * label * (i % 2) + (i + 1) * x[i]! + (i > 0 ? 3 * x[i - 1]! : 0))
    }
    for (let i = 0; i < 6000; i++) gaussian.learn(draw(i % 3), i % 3)
    gaussian.refresh()
    let sum = 0
    const second = new Float64Array(6)
    for (let i = 0; i < 3000; i++) {
      sum += gaussian.distance(draw(i % 3), i % 3)
      for (let j = 0; j < 6; j++) second[j]! += gaussian.whitened[j]! ** 2
    }
    expect(sum / 3000).toBeGreaterThan(5.7)
    expect(sum / 3000).toBeLessThan(6.3)
    for (const value of second) expect(value / 3000).toBeCloseTo(1, 0)
    expect(gaussian.distance(draw(0), 2)).toBeGreaterThan(50)
  })

  it('stays finite with fewer vectors than dimensions, and without any spread', () => {
    const few = new ClassGaussian(40, 1)
    for (let i = 0; i < 5; i++) few.learn(normals(40), 0)
    few.refresh()
    expect(few.distance(normals(40), 0)).toBeGreaterThan(0)
    const flat = new ClassGaussian(3, 1)
    for (let i = 0; i < 50; i++) flat.learn(Float64Array.of(1, 2, 3), 0)
    flat.refresh()
    expect(Number.isFinite(flat.distance(Float64Array.of(1, 2, 4), 0))).toBe(true)
  })
})

describe('IsolationForest', () => {
  it('gives shorter paths to what lies apart, follows a new sample, and survives encoding', () => {
    const forest = new IsolationForest(50, 'test')
    const sampleOf = (shift: number) => {
      const rows = Array.from({ length: 300 }, () => normals(4, (x) => x + shift))
      return { count: rows.length, coordinate: (slot: number, dimension: number) => rows[slot]![dimension]! }
    }
    const near = new Float64Array(4)
    const far = new Float64Array(4).fill(8)
    const first = sampleOf(0)
    for (let tree = 0; tree < 50; tree++) forest.grow(first, 4)
    expect(forest.path(far)).toBeLessThan(forest.path(near) - 2)
    const writer = new ByteWriter()
    forest.encode(writer)
    const again = IsolationForest.decode(new ByteReader(writer.finish()), 50, 'test')
    const moved = sampleOf(8)
    for (const one of [forest, again]) for (let tree = 0; tree < 50; tree++) one.grow(moved, 4)
    expect(forest.path(near)).toBeLessThan(forest.path(far) - 2)
    expect(again.path(far)).toBe(forest.path(far))
  })
})

describe('RunningScale', () => {
  it('brings moving numbers to unit spread, and does not blow up what hardly moves', () => {
    const scale = new RunningScale(4)
    const draw = (): Float64Array => normals(4, (x, i) => 5 + [100, 1, 1, 1e-6][i]! * x)
    for (let i = 0; i < 4000; i++) scale.learn(draw())
    scale.refresh()
    const out = new Float64Array(4)
    const squares = new Float64Array(4)
    for (let i = 0; i < 2000; i++) {
      scale.apply(draw(), out)
      for (let j = 0; j < 4; j++) squares[j]! += out[j]! ** 2 / 2000
    }
    expect(squares[0]).toBeCloseTo(1, 0)
    expect(squares[1]).toBeCloseTo(1, 0)
    expect(squares[3]).toBeLessThan(1e-6)
    scale.apply(Float64Array.of(1e30, 0, 0, 0), out)
    expect(out[0]).toBe(20)
  })
})

describe('FusedWindows', () => {
  const weights = [1, 1, 1]

  it('gives uniform p-values for dependent statistics, some of which are silent', () => {
    const fused = new FusedWindows(3, 1000)
    let below = 0
    let deep = 0
    for (let i = 0; i < 12_000; i++) {
      const shared = random.normal()
      const statistics = Float64Array.of(shared + 0.3 * random.normal(), shared, i % 4 === 0 ? Number.NaN : random.normal())
      const pValue = fused.add(statistics, weights, 1000)
      if (i < 2000) continue
      if (pValue <= 0.1) below++
      if (pValue <= 0.01) deep++
    }
    expect(below / 10_000).toBeCloseTo(0.1, 1)
    expect(deep / 10_000).toBeLessThan(0.015)
  })

  it('does not let a burst become the norm', () => {
    const fused = new FusedWindows(1, 1000)
    const add = (value: number): number => fused.add(Float64Array.of(value), [1], 1000)
    for (let i = 0; i < 2000; i++) add(random.normal())
    const burst = Array.from({ length: 600 }, (_, i) => add(i % 2 === 0 ? 6 + 0.5 * random.normal() : random.normal()))
    const last = burst.slice(-100).filter((_, i) => i % 2 === 0)
    expect(last.filter((pValue) => pValue < 0.1).length).toBe(last.length)
  })
})

describe('LabelNorms', () => {
  it('make p-values uniform and vectors of unit variance where labels differ in both', () => {
    const norms = new LabelNorms(2)
    const below = { a: 0, b: 0 }
    let square = 0
    for (let i = 0; i < 8000; i++) {
      const label = i % 2 === 0 ? 'a' : 'b'
      const pValues = Float64Array.of(random.uniform() ** (label === 'a' ? 1 : 2), Number.NaN)
      const vector = normals(5, (x) => (label === 'a' ? x : 3 * x))
      norms.adjust(label, pValues, vector, true)
      expect(pValues[1]).toBeNaN()
      if (i < 4000) continue
      if (pValues[0]! <= 0.05) below[label]++
      if (label === 'b') square += vector.reduce((sum, x) => sum + x * x, 0) / 5 / 2000
    }
    for (const label of ['a', 'b'] as const) expect(below[label] / 2000).toBeCloseTo(0.05, 1)
    expect(square).toBeCloseTo(1, 0)
  })
})

describe('Shares', () => {
  it('names those that were marked most, among more names than it keeps', () => {
    const shares = new Shares()
    for (let i = 0; i < 5000; i++) {
      shares.add(`name-${i}`, false)
      if (i % 10 === 0) shares.add('often', i % 20 === 0)
    }
    expect(shares.told(3)).toMatch(/^often 250 of \d+$/)
  })
})
