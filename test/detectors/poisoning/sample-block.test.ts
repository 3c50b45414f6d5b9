import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ordinarySources, samplesOf } from '../../../detectors/poisoning/examples.ts'
import { SampleBlock, shareOf } from '../../../detectors/poisoning/sample-block.ts'
import { ByteReader, ByteWriter } from '../../../src/sketches/bytes.ts'
import type { TrainingSampleEvent } from '../../../src/telemetry/events.ts'

const run = (samplesOf(ordinarySources(), {}) as TrainingSampleEvent[]).filter((event) => event.run === 'example-run')

describe('a block of training samples', () => {
  it('ends with each epoch and holds no sample twice', () => {
    const block = new SampleBlock(true)
    const looks: { index: number; size: number; distinct: number }[] = []
    for (const event of run) {
      block.add(event, () => looks.push({ index: block.index, size: block.size, distinct: new Set(block.ids.slice(0, block.size)).size }))
    }
    expect(block.index).toBe(2)
    const first = ordinarySources().reduce((sum, source) => sum + source.samples, 0)
    // A fresh sample or two of the next epoch may come before its first repeat.
    const largest = Math.max(...looks.filter(({ index }) => index === 0).map(({ size }) => size))
    expect(largest).toBeGreaterThanOrEqual(first)
    expect(largest).toBeLessThanOrEqual(first + 4)
    expect(Math.max(...looks.filter(({ index }) => index === 1).map(({ size }) => size))).toBeGreaterThan(1.9 * first)
    for (const { size, distinct } of looks) expect(distinct).toBe(size)
  })

  it('puts deliveries that begin with an epoch into one cohort, whatever order their first samples came in', () => {
    const block = new SampleBlock(false)
    for (const event of run) block.add(event, () => {})
    for (const { name, cohort } of block.deliveries) expect([name, cohort]).toEqual([name, name.endsWith('a') ? 0 : 1])
  })

  it('gives out no more than the whole error probability of a block', () => {
    const spent = new Map<number, number>()
    const block = new SampleBlock(false)
    for (const event of run) block.add(event, (part) => spent.set(block.index, (spent.get(block.index) ?? 0) + part))
    expect(spent.size).toBe(3)
    for (const sum of spent.values()) expect(sum).toBeLessThanOrEqual(1 + 1e-9)
    let series = 0
    for (let n = 1; n < 10_000; n++) series += shareOf(n)
    expect(series).toBeLessThan(1)
    expect(series).toBeGreaterThan(0.99)
  })

  it('survives encoding at any point', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: run.length - 1 }), (cut) => {
        const whole = new SampleBlock(true)
        for (const event of run.slice(0, cut)) whole.add(event, () => {})
        const bytes = encoded(whole)
        const restored = SampleBlock.decode(new ByteReader(bytes), true)
        expect(Buffer.from(encoded(restored)).equals(Buffer.from(bytes))).toBe(true)
        for (const event of run.slice(cut, cut + 300)) {
          whole.add(event, () => {})
          restored.add(event, () => {})
        }
        expect(Buffer.from(encoded(restored)).equals(Buffer.from(encoded(whole)))).toBe(true)
      }),
      { numRuns: 25, seed: 7 },
    )
  })

  it('is full at its bound where samples have no ids', () => {
    const block = new SampleBlock(true)
    let largest = 0
    for (let round = 0; round < 3; round++) {
      for (const event of run) {
        block.add({ ...event, sample: null }, () => {})
        largest = Math.max(largest, block.size)
      }
    }
    expect(block.index).toBeGreaterThan(1)
    expect(largest).toBeLessThanOrEqual(4096)
  })

  it('keeps vectors within one 254th of their largest number', () => {
    const block = new SampleBlock(true)
    for (const event of run.slice(0, 200)) block.add(event, () => {})
    const vectors = block.vectors()
    for (let at = 0; at < block.size; at++) {
      const original = run.find(({ sample }) => sample === block.ids[at])!.activation!.vector
      const bound = (Math.max(...original.map(Math.abs)) / 254) * 1.001
      for (const [i, value] of original.entries()) expect(Math.abs(vectors[at * block.dimensions + i]! - value)).toBeLessThanOrEqual(bound)
    }
  })
})

function encoded(block: SampleBlock): Uint8Array {
  const writer = new ByteWriter(1024)
  block.encode(writer)
  return writer.finish()
}
