import fc from 'fast-check'
import { expect, it } from 'vitest'
import { OriginClocks } from '../../src/routing/origin-clocks.ts'
import { Seen } from '../../src/routing/seen.ts'

const origins = [0, 1, 2].map((partition) => ({ topic: 'otlp_spans', epoch: 'e', partition }))

it('takes every event once and in order, however old and new senders of its partition mix', () => {
  fc.assert(
    fc.property(
      // Senders begin anywhere behind what was sent already, and their records arrive between each other's.
      fc.array(fc.record({ origin: fc.nat(2), sender: fc.nat(3), steps: fc.integer({ min: 1, max: 5 }), back: fc.nat(6) }), {
        maxLength: 60,
      }),
      fc.nat(60),
      (moves, savedAt) => {
        let seen = new Seen()
        const places = new Map<string, number>()
        const furthest = [0, 0, 0]
        const taken: number[][] = [[], [], []]
        for (const [step, { origin, sender, steps, back }] of moves.entries()) {
          if (step === savedAt) {
            const restored = new Seen()
            restored.decode(seen.encode())
            seen = restored
          }
          const key = `${origin}/${sender}`
          let at = places.get(key) ?? Math.max(0, furthest[origin]! - back)
          for (const end = at + steps; at < end; at++) {
            if (seen.take({ ...origins[origin]!, offset: Math.floor(at / 3), index: at % 3 })) taken[origin]!.push(at)
          }
          places.set(key, at)
          furthest[origin] = Math.max(furthest[origin]!, at)
        }
        for (const [origin, all] of taken.entries()) expect(all).toEqual(Array.from({ length: furthest[origin]! }, (_, i) => i))
      },
    ),
    { numRuns: 500, seed: 4 },
  )
})

it('another epoch of a topic is another log', () => {
  const seen = new Seen()
  expect(seen.take({ ...origins[0]!, offset: 5, index: 0 })).toBe(true)
  expect(seen.take({ ...origins[0]!, offset: 0, index: 0 })).toBe(false)
  expect(seen.take({ ...origins[0]!, epoch: 'f', offset: 0, index: 0 })).toBe(true)
})

it('time is that of the log that lags most, never goes back, and survives being saved', () => {
  let clocks = new OriginClocks()
  expect(clocks.watermark).toBeNull()
  clocks.tell(origins[0]!, 100, 1000)
  expect(clocks.watermark).toBe(100)
  clocks.tell(origins[1]!, 50, 1000)
  expect(clocks.watermark).toBe(100)
  clocks.tell(origins[0]!, 300, 1000)
  clocks.tell(origins[1]!, 200, 1000)
  const restored = new OriginClocks()
  restored.decode(clocks.encode())
  clocks = restored
  expect(clocks.watermark).toBe(200)
  clocks.tell(origins[1]!, 150, 1000)
  expect(clocks.watermark).toBe(200)
  clocks.tell(origins[1]!, 400, 1000)
  expect(clocks.watermark).toBe(300)
})

it('a log of which nobody speaks for an hour holds nobody back', () => {
  const clocks = new OriginClocks()
  clocks.tell(origins[0]!, 100, 0)
  clocks.tell(origins[1]!, 500, 3_000_000)
  expect(clocks.watermark).toBe(100)
  clocks.tell(origins[1]!, 600, 3_600_001)
  expect(clocks.watermark).toBe(600)
})

it('a log that is known and has not begun holds the time back, and a topic that was made again does not', () => {
  let clocks = new OriginClocks()
  clocks.tell(origins[0]!, Number.NEGATIVE_INFINITY, 1000)
  clocks.tell(origins[1]!, Number.NEGATIVE_INFINITY, 1000)
  expect(clocks.watermark).toBeNull()
  clocks.tell(origins[0]!, 300, 1000)
  const restored = new OriginClocks()
  restored.decode(clocks.encode())
  clocks = restored
  expect(clocks.watermark).toBeNull()
  const again = { ...origins[1]!, epoch: 'another' }
  clocks.tell(again, 200, 1000)
  expect(clocks.watermark).toBe(200)
  // Members that start say again which there are.
  clocks.tell(origins[1]!, Number.NEGATIVE_INFINITY, 1000)
  expect(clocks.watermark).toBe(200)
})
