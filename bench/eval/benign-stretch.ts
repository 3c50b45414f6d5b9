import { existsSync } from 'node:fs'
import { configSchema } from '../../src/config/schema.ts'
import { createDecisions } from '../../src/decisions/decide.ts'
import { createDetection } from '../../src/detection/detect.ts'
import { detectorNamed, detectors } from '../../src/detection/registry.ts'
import { createRandom } from '../../src/sketches/random.ts'
import { replayFiles } from '../../src/stages/replay.ts'
import type { Event } from '../../src/telemetry/events.ts'
import type { PValueSizes } from '../support/p-value-sizes.ts'
import { poissonInterval } from '../support/poisson-interval.ts'

export const data = `${import.meta.dirname}/../../../shared/data`
export const budgets = [1, 5, 20] as const
/** Share of the subjects in a stretch: what a bootstrap sample holds of distinct ones. Drawn without replacement, since a subject and its copy would look like two of one operator. */
export const share = 0.632

/** False incidents of some stretches, by budget the detectors that opened them. */
export type Opened = ReadonlyMap<number, readonly string[]>

/** All events of a file in the order of the file, nothing detected; null where the optional data folder has no such file. */
export async function eventsOf(path: string): Promise<Event[] | null> {
  if (!existsSync(`${data}/${path}`)) {
    console.warn(`skipped: there is no ${path}`)
    return null
  }
  const events: Event[] = []
  const quiet = { identity: { hash: false }, decisions: { disabled: detectors.map(({ name }) => name) } }
  await replayFiles([`${data}/${path}`], configSchema.parse(quiet), {
    storeDirectory: null,
    onOutcome: async (outcome) => {
      events.push(...outcome.events)
    },
  })
  return events
}

/** The events of the subjects that the seed draws, by what `nameOf` says an event belongs to; null belongs to everybody. */
export function drawn<E extends Event>(events: readonly E[], nameOf: (event: E) => string | null, seed: string): E[] {
  const random = createRandom(seed)
  const names = new Set(events.map(nameOf))
  const kept = new Set([...names].filter((name) => name === null || random.uniform() < share))
  return events.filter((event) => kept.has(nameOf(event)))
}

/** Runs every stretch through fresh detectors and decisions at every budget, counts what is opened, and collects the p-values. */
export function openedIn(
  set: string,
  stretches: number,
  stretchOf: (index: number, seed: string) => Iterable<Event>,
  sizes: PValueSizes,
): Opened {
  const opened = new Map<number, string[]>(budgets.map((budget) => [budget, []]))
  for (let index = 0; index < stretches; index++) {
    const seed = `benign/${set}/${index}`
    const detection = createDetection({ seed })
    const deciding = budgets.map((budget) => ({ budget, decisions: createDecisions({ falseIncidentsPerDay: budget }) }))
    for (const event of stretchOf(index, seed)) {
      sizes.event(event, index)
      for (const observation of detection.process(event)) {
        for (const { budget, decisions } of deciding) {
          const { pValue, alerts } = decisions.process(observation)
          if (budget === budgets[0]) sizes.observation(detectorNamed(observation.detector), observation, pValue, index)
          for (const { status, detector } of alerts) if (status === 'opened') opened.get(budget)!.push(detector)
        }
      }
    }
  }
  for (const [budget, names] of opened) console.error(`${set}, ${stretches} stretches, budget ${budget}: ${names.length} (${tally(names)})`)
  return opened
}

/** Cells of a table about `count` incidents in `units` days or runs of which at most `allowed` each are within the budget. */
export function rateCells(
  count: number,
  units: number,
  allowed: number,
): readonly [count: string, rate: string, interval: string, verdict: string] {
  const [low, high] = poissonInterval(count)
  const verdict = low / units > allowed ? 'above' : high / units <= allowed ? 'within' : 'not told apart'
  const rate = (incidents: number): string => (incidents / units).toFixed(2)
  return [`${count}`, rate(count), `${rate(low)} to ${rate(high)}`, verdict]
}

export function tally(names: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].map(([name, count]) => `${name} ${count}`).join(', ')
}
