import { describe, expect, it } from 'vitest'
import { LayerModel } from '../../../src/detection/layer-model.ts'
import { createRandom, type Random } from '../../../src/sketches/random.ts'

/** Draws a rectified activation of one of `classes` classes. */
function drawer(length: number, classes: number, seed: string) {
  const random = createRandom(seed)
  const centres = Array.from({ length: classes }, () => Float64Array.from({ length }, () => 2 * random.normal()))
  return (change: (x: number, i: number, random: Random) => number = (x) => x) => {
    const label = random.uint32() % classes
    const vector = Float32Array.from(centres[label]!, (x, i) => Math.max(0, change(x + random.normal(), i, random)))
    return { vector, label: classes > 1 ? `class-${label}` : null }
  }
}

describe.each([
  ['short vectors', 12, 1],
  ['short vectors with labels', 12, 4],
  ['long vectors', 200, 1],
  ['long vectors with labels', 200, 4],
  ['vectors longer than any is kept', 1500, 1],
])('%s', (_, length, classes) => {
  const calls = length > 1000 ? 1500 : 4000

  it('have p-values that mean what they say, from the end of the warm-up on', () => {
    const draw = drawer(length, classes, `null/${length}/${classes}`)
    const model = new LayerModel(length, 'test')
    const pValues: number[] = []
    for (let i = 0; i < calls; i++) {
      const { vector, label } = draw()
      const pValue = model.add(vector, label, null)
      if (model.warm) pValues.push(pValue)
    }
    expect(pValues.length).toBe(calls - 100)
    for (const bound of [0.3, 0.1, 0.02, 0.002]) {
      const expected = bound * pValues.length
      expect(pValues.filter((pValue) => pValue <= bound).length).toBeLessThan(1.25 * expected + 4 * Math.sqrt(expected))
      if (bound > 0.01) expect(pValues.filter((pValue) => pValue <= bound).length).toBeGreaterThan(0.6 * expected)
    }
    expect(new Set(pValues).size).toBeGreaterThan(0.98 * pValues.length)
  })

  it('rank another kind of input first, without ever being told which', () => {
    const draw = drawer(length, classes, `other/${length}/${classes}`)
    const model = new LayerModel(length, 'test')
    const strange: number[] = []
    const usual: number[] = []
    for (let i = 0; i < 1500; i++) {
      const odd = i > 400 && i % 20 === 7
      const { vector, label } = draw(odd ? (x, at) => (at % 3 === 0 ? 4 - x : x) : undefined)
      const pValue = model.add(vector, label, null)
      if (i > 400) (odd ? strange : usual).push(pValue)
    }
    usual.sort((a, b) => a - b)
    const fifth = usual[Math.floor(usual.length / 20)]!
    expect(strange.filter((pValue) => pValue < fifth).length).toBeGreaterThan(0.6 * strange.length)
  })

  it('go on from encoded state as if nothing had happened, in less than 4 MB', () => {
    const draw = drawer(length, classes, `encode/${length}/${classes}`)
    let model = new LayerModel(length, 'test')
    const other = new LayerModel(length, 'test')
    for (let i = 0; i < 1300; i++) {
      const { vector, label } = draw()
      expect(model.add(vector, label, i / 100)).toBe(other.add(vector, label, i / 100))
      if (i % 260 === 3) model = LayerModel.decode(model.encode(), 'test')
    }
    expect(model.encode().length).toBeLessThan(4 * 2 ** 20)
  })
})

it('a burst of some hundred calls does not become the norm', () => {
  const draw = drawer(12, 3, 'burst')
  const model = new LayerModel(12, 'test')
  const late: number[] = []
  for (let i = 0; i < 1800; i++) {
    const odd = i >= 1500 && i % 3 === 0
    const { vector, label } = draw(odd ? (x) => x + 6 : undefined)
    const pValue = model.add(vector, label, null)
    if (odd && i >= 1700) late.push(pValue)
  }
  expect(late.filter((pValue) => pValue < 0.1).length).toBeGreaterThan(0.9 * late.length)
})

it('names the numbers of the vector that stick out', () => {
  const draw = drawer(40, 1, 'farthest')
  const model = new LayerModel(40, 'test')
  for (let i = 0; i < 400; i++) model.add(draw().vector, null, null)
  model.add(draw((x, at) => (at === 17 ? 30 : x)).vector, null, null)
  expect(model.farthest(3)[0]!.dimension).toBe(17)
})
