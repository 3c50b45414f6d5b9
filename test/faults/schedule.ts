import fc from 'fast-check'
import { writeOrder } from '../../src/store/tables.ts'
import type { Fault } from '../support/clickhouse-http/faults.ts'
import type { Behaviour } from '../support/webhook-receiver.ts'

/** What stands under the log and the store of a round. */
export interface Ground {
  /** Processes that run at once. */
  readonly members: number
  /** Whether the store is a server, whose faults can be made. */
  readonly server: boolean
  /** Brokers that can be killed. */
  readonly brokers: number
  /** Points at which a process can be killed. */
  readonly points: readonly string[]
  /** Milliseconds that a process is stopped. */
  readonly freezes: readonly number[]
}

/** No range writes it: what is put into the log again is marked by whoever puts it there. */
const unfilled: readonly string[] = ['dead_letter_replays']

/** Points of a range's way through one process over a journal; docs/delivery.md lists them. */
export const journalPoints: readonly string[] = [
  'claiming',
  'claimed',
  ...writeOrder.filter((table) => !unfilled.includes(table)).flatMap((table) => [`before-${table}`, `after-${table}`]),
  'before-ranges',
  'after-ranges',
  'checkpoint',
  'stored',
]

/** How the next requests are sent: one after the other, each twice, backwards, or the first of them last. */
export type Shape = 'in order' | 'twice' | 'backwards' | 'late'

export type Step =
  | { readonly do: 'feed'; readonly requests: number; readonly shape: Shape }
  /** SIGKILL at a point, `*` for any: a random instant. `begin`: the point is awaited from the start of a new process on. */
  | { readonly do: 'kill'; readonly member: number; readonly point: string; readonly nth: number; readonly begin: boolean }
  /** SIGKILL from outside, when the process told that it has come past so many points: somewhere between two. */
  | { readonly do: 'kill between'; readonly member: number; readonly points: number }
  /** SIGTERM. */
  | { readonly do: 'stop'; readonly member: number }
  /** SIGSTOP at a point, SIGCONT after so many milliseconds. */
  | { readonly do: 'freeze'; readonly member: number; readonly point: string; readonly nth: number; readonly milliseconds: number }
  | { readonly do: 'acknowledge' }
  /** Puts dead letters into the log again. */
  | { readonly do: 'replay'; readonly letters: number }
  | { readonly do: 'clock'; readonly member: number; readonly shift: number }
  | { readonly do: 'receiver'; readonly behaviour: Behaviour; readonly times: number }
  | { readonly do: 'store'; readonly fault: Fault }
  /** The server refuses connections while so many requests come, or dies and is started again. */
  | { readonly do: 'store away'; readonly requests: number }
  | { readonly do: 'store crash' }
  | { readonly do: 'broker'; readonly broker: number; readonly requests: number; readonly milliseconds: number }

const minutes = 60_000

/** Disturbances that kill nobody. */
function disturbance({ members, server, brokers, points, freezes }: Ground): fc.Arbitrary<Step> {
  const member = fc.nat(members - 1)
  const table = fc.option(fc.constantFrom(...writeOrder, 'ranges'), { nil: undefined })
  const times = fc.integer({ min: 1, max: 3 })
  const behaviour = fc.oneof(
    fc.constant<Behaviour>({ kind: 'refuse', status: 500 }),
    fc.constant<Behaviour>({ kind: 'drop' }),
    fc.constant<Behaviour>({ kind: 'hang' }),
    fc.constant<Behaviour>({ kind: 'slow', milliseconds: 300 }),
  )
  const strike = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('cut' as const), when: fc.constantFrom('before' as const, 'after' as const) }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'exception' as const, code: 252, name: 'TOO_MANY_PARTS' }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'status' as const, status: 502, body: 'no upstream' }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'hang' as const }) },
    // Longer than a request may take, and than a new process needs to start: the statement of the dead runs under the living.
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('slow' as const), milliseconds: fc.constantFrom(300, 2500, 5000) }) },
  )
  const fault = fc.record({ strike, table, times, on: fc.constantFrom('insert' as const, 'insert' as const, 'query' as const) }).map(
    ({ strike, table, times, on }): Fault => ({
      ...strike,
      times: strike.kind === 'hang' ? 1 : times,
      on,
      ...(on === 'insert' && table !== undefined && { table }),
    }),
  )
  const options: fc.WeightedArbitrary<Step>[] = [
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('feed'),
        requests: fc.integer({ min: 1, max: 12 }),
        shape: fc.constantFrom<Shape>('in order', 'twice', 'backwards', 'late'),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('stop'), member }) },
    { weight: 1, arbitrary: fc.constant({ do: 'acknowledge' }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('replay'), letters: fc.integer({ min: 1, max: 3 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('clock'), member, shift: fc.constantFrom(0, -180 * minutes, 20 * minutes, 2880 * minutes) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('receiver'), behaviour, times: fc.integer({ min: 1, max: 2 }) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('freeze'),
        member,
        point: fc.constantFrom('*', ...points),
        nth: fc.integer({ min: 1, max: 4 }),
        milliseconds: fc.constantFrom(...freezes),
      }),
    },
    ...(server
      ? ([
          { weight: 6, arbitrary: fc.record({ do: fc.constant('store'), fault }) },
          { weight: 1, arbitrary: fc.record({ do: fc.constant('store away'), requests: fc.integer({ min: 1, max: 6 }) }) },
          { weight: 1, arbitrary: fc.constant({ do: 'store crash' }) },
        ] satisfies fc.WeightedArbitrary<Step>[])
      : []),
    ...(brokers > 0
      ? ([
          {
            weight: 1,
            arbitrary: fc.record({
              do: fc.constant('broker'),
              broker: fc.nat(brokers - 1),
              requests: fc.integer({ min: 1, max: 6 }),
              milliseconds: fc.constantFrom(200, 2000),
            }),
          },
        ] satisfies fc.WeightedArbitrary<Step>[])
      : []),
  ]
  return fc.oneof(...options)
}

/** Shares of the kills: at the point that is dealt, at some instant between two points. The rest is killed at the nth point, whichever. */
const DEALT = 0.7
const BETWEEN = 0.15

/**
 * The schedule of a round. The same ground, seed and number of kills give the same schedule. Points are dealt in turns, so that rounds with seeds
 * that follow on each other come to all of them.
 */
export function scheduleOf(ground: Ground, seed: number, kills: number): Step[] {
  const { members, points } = ground
  const dealt = Math.round(kills * DEALT)
  const outside = Math.round(kills * BETWEEN)
  const member = fc.nat(members - 1)
  const ends = Array.from({ length: kills }, (_, index): fc.Arbitrary<Step> => {
    if (index < dealt) {
      const point = points[(((seed * dealt + index) % points.length) + points.length) % points.length]!
      return fc.record({ do: fc.constant('kill'), member, point: fc.constant(point), nth: fc.constantFrom(1, 1, 2), begin: fc.boolean() })
    }
    if (index < dealt + outside) return fc.record({ do: fc.constant('kill between'), member, points: fc.integer({ min: 1, max: 60 }) })
    return fc.record({
      do: fc.constant('kill'),
      member,
      point: fc.constant('*'),
      nth: fc.integer({ min: 1, max: 60 }),
      begin: fc.boolean(),
    })
  })
  const lives = fc
    .shuffledSubarray(ends, { minLength: kills, maxLength: kills })
    .chain((order) => fc.tuple(...order.map((end) => fc.tuple(fc.array(disturbance(ground), { maxLength: 3 }), end))))
  const [found] = fc.sample(lives, { seed, numRuns: 1 })
  return found!.flatMap(([before, end]) => [...before, end])
}
