import { beforeAll, expect, it } from 'vitest'
import { createDetection } from '../../src/detection/detect.ts'
import type { Observation } from '../../src/detection/observation.ts'
import { detectors } from '../../src/detection/registry.ts'
import { byPartition, createRoutes, partitionOf } from '../../src/routing/routes.ts'
import type { CallEvent, Event } from '../../src/telemetry/events.ts'

const routesOf = createRoutes(1)

/** Every detector's own examples, mixed: the events that make detectors speak. */
function streams(): Event[] {
  const all = detectors.flatMap(({ example }) => [example.anomalous(), example.benign()])
  const mixed: Event[] = []
  for (let at = 0; all.some((stream) => at < stream.length); at++) for (const stream of all) if (stream[at]) mixed.push(stream[at]!)
  return mixed.slice(0, 12_000)
}

const line = (observation: Observation) =>
  JSON.stringify({ ...observation, sketch: observation.sketch === null ? null : Buffer.from(observation.sketch).toString('hex') })

let expected: readonly string[] = []
beforeAll(() => {
  const whole = createDetection({ seed: 1 })
  expected = streams()
    .flatMap((event) => whole.process(event))
    .map(line)
    .sort()
})

it.each([1, 4, 12])(
  'what the detectors say of events over %i partitions is what they say of them in one log',
  (partitions) => {
    expect(new Set(expected.map((each) => JSON.parse(each).detector)).size).toBeGreaterThan(8)
    const parts = Array.from({ length: partitions }, () => createDetection({ seed: 1 }))
    const found: string[] = []
    for (const event of streams()) {
      for (const [partition, routes] of byPartition(routesOf(event), partitions))
        found.push(...parts[partition]!.process(event, routes).map(line))
    }
    expect(found.sort()).toEqual(expected)
  },
  60_000,
)

it('who hears another detector gets events of its own kinds as well, where that one is', () => {
  const events = detectors.find(({ name }) => name === 'backdoor-trigger')!.example.anomalous()
  const of = (observations: readonly Observation[]) => observations.filter(({ detector }) => detector === 'backdoor-trigger').map(line)
  const whole = createDetection({ seed: 1 })
  const said = events.flatMap((event) => of(whole.process(event)))
  expect(said.length).toBeGreaterThan(0)
  const parts = Array.from({ length: 4 }, () => createDetection({ seed: 1 }))
  const found: string[] = []
  for (const event of events)
    for (const [partition, routes] of byPartition(routesOf(event), 4)) found.push(...of(parts[partition]!.process(event, routes)))
  expect(found.sort()).toEqual(said.sort())
}, 60_000)

it('a caller who rotates names is seen under the credential, in one place', () => {
  const [first] = detectors.find(({ name }) => name === 'volume-and-breadth')!.example.anomalous() as CallEvent[]
  const call = (name: string): CallEvent => ({
    ...first!,
    credential: 'key-1',
    principal: { id: name, kind: null, source: 'user.id', lastResort: false },
  })
  const [a, b] = [routesOf(call('a')), routesOf(call('b'))]
  expect(a.filter((route) => !route.startsWith('in\u0000') && b.includes(route))).toEqual(['credential\u0000key-1'])
})

it('routes keep their partition over versions, because states do not move', () => {
  expect([partitionOf('principal\u0000alice', 12), partitionOf('in\u0000prod/run-1', 12)]).toMatchInlineSnapshot(`
    [
      11,
      1,
    ]
  `)
})
