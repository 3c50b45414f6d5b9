import { describe, expect, it } from 'vitest'
import type { Broken } from './broken.ts'
import type { Target } from './deployment.ts'
import { misses, runRound } from './round.ts'
import type { Step } from './schedule.ts'

/** A test that cannot fail proves nothing: each protection is taken away from the real process, and the comparison must say so. */

const feed: Step = { do: 'feed', requests: 8, shape: 'in order' }
const kill = (point: string, nth = 1): Step => ({ do: 'kill', member: 0, point, nth, begin: false })
const run = (steps: readonly Step[], broken: Broken | null, target: Target = 'chdb') =>
  runRound({ target, seed: 1, kills: 0, steps, broken })

const steps = [feed, feed, kill('after-observations', 2)]

describe('the comparison', () => {
  it('finds nothing where nothing is broken', async () => {
    const { differences, received } = await run([{ do: 'receiver', behaviour: { kind: 'drop' }, times: 2 }, ...steps], null)
    expect(differences).toEqual([])
    // At least once, and more than once: a receiver that did not drop what it has seen would have counted it twice.
    const ids = received.map(({ id }) => id)
    expect(ids.length).toBeGreaterThan(new Set(ids).size)
  }, 60_000)

  it.each<{ broken: Broken; steps: readonly Step[]; says: RegExp; target?: Target }>([
    // What somebody else began is finished by what the store lacks of it: the token is for the process that repeats.
    {
      broken: 'no token',
      target: 'server',
      steps: [feed, { do: 'store', fault: { kind: 'cut', when: 'after', on: 'insert', table: 'calls', times: 1 } }, kill('stored', 3)],
      says: /^calls: \d+ rows/,
    },
    {
      broken: 'no claim',
      // A log that grows while a slow store holds the range up is cut otherwise after the crash.
      target: 'server',
      steps: [feed, { do: 'store', fault: { kind: 'slow', milliseconds: 300, table: 'calls', times: 2 } }, kill('after-calls', 2)],
      says: /^calls: \d+ rows/,
    },
    // A range may hold nothing but a clock tick: some of several do not.
    {
      broken: 'the row of the range first',
      steps: [feed, kill('after-ranges'), feed, kill('after-ranges', 2), kill('after-ranges')],
      says: /^calls: \d+ rows/,
    },
    { broken: 'state not restored', steps: [feed, feed, kill('stored')], says: /^observations: / },
    { broken: 'a timer on the wall clock', steps: [feed, kill('stored', 3)], says: /^alerts: / },
    {
      broken: 'pending webhooks forgotten',
      steps: [feed, kill('after-ranges', 2), kill('after-webhook_deliveries')],
      says: /never came|no delivered row/,
    },
  ])(
    'notices: $broken',
    async ({ broken, steps, says, target }) => {
      const { differences } = await run(steps, broken, target)
      expect(differences.join('\n')).toMatch(new RegExp(says, 'm'))
    },
    60_000,
  )
})

it('notices webhooks that never came, that no alert is behind, and whose body changed', () => {
  const webhook = { path: '/', headers: {}, id: 'a', body: '1', answer: 'accept' as const }
  const expected = new Map([['a', '1']])
  expect(misses([webhook, webhook], expected)).toEqual([])
  expect(misses([], expected)).toHaveLength(1)
  expect(misses([{ ...webhook, answer: 'refuse' }], expected)).toHaveLength(1)
  expect(misses([webhook, { ...webhook, body: '2' }], expected)).toHaveLength(1)
  expect(misses([webhook, { ...webhook, id: 'b' }], expected)).toHaveLength(1)
})
