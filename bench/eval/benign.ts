import { existsSync, readFileSync } from 'node:fs'
import { configSchema } from '../../src/config/schema.ts'
import { createDecisions, type Decisions } from '../../src/decisions/decide.ts'
import { createDetection } from '../../src/detection/detect.ts'
import { detectors } from '../../src/detection/registry.ts'
import { createRandom } from '../../src/sketches/random.ts'
import { replayFiles } from '../../src/stages/replay.ts'
import type { CallEvent, Event } from '../../src/telemetry/events.ts'
import { poissonInterval } from '../support/poisson-interval.ts'
import type { Report } from '../support/report.ts'

const data = `${import.meta.dirname}/../../../shared/data/extraction`
const budgets = [1, 5, 20] as const
const dayMicros = 86_400e6
/** Share of the principals in a stretch: what a bootstrap sample holds of distinct ones. Drawn without replacement, since a principal and its copy would look like two accounts of one operator. */
const share = 0.632
/** Judged days of each set; the first day of a stretch is warm-up and not counted. Images are slow: their set holds vectors of activations too. */
const sets = [
  ['benign-text-dev', 100],
  ['extraction-image-dev', 20],
] as const

interface Measured {
  readonly set: string
  readonly days: number
  readonly stretches: number
  readonly principals: number
  readonly opened: ReadonlyMap<number, readonly string[]>
}

/**
 * Measured false alarms: stretches of benign traffic with principals drawn anew, at every budget, through detection and decisions. The
 * truth is read to leave the attackers' calls out.
 */
export async function run(): Promise<readonly Report[]> {
  if (!existsSync(data)) {
    console.warn(`skipped: there is no ${data}`)
    return []
  }
  const measured: Measured[] = []
  for (const [set, leastDays] of sets) measured.push(measure(set, await benignCalls(set), leastDays))
  const rows = measured.flatMap(({ set, days, stretches, opened }) =>
    budgets.map((budget) => {
      const found = opened.get(budget)!
      const [low, high] = poissonInterval(found.length)
      const verdict = low / days > budget ? 'above' : high / days <= budget ? 'within' : 'not told apart'
      const rate = (count: number): string => (count / days).toFixed(2)
      return [
        set,
        `${budget}`,
        `${stretches}`,
        `${days}`,
        `${found.length}`,
        rate(found.length),
        `${rate(low)} to ${rate(high)}`,
        verdict,
        tally(found),
      ]
    }),
  )
  return [
    {
      title: 'false incidents a day on benign traffic, principals drawn anew',
      about: `Each stretch holds ${Math.round(100 * share)} % of the set's benign principals, drawn without replacement under new names, at their own times, with fresh detectors and decisions; its first day is warm-up and not counted. Seeds benign/SET/0, 1, 2, ... Interval: exact Poisson, 95 %. The stretches draw from the same few principals and days, so the interval says how exactly the mean over draws is known and not how other traffic would do.`,
      columns: ['set', 'budget a day', 'stretches', 'days', 'incidents', 'a day', '95 % interval', 'budget', 'by detector'],
      rows,
      promises: measured.flatMap(({ set, days, opened }) =>
        budgets.map((budget) => {
          const rate = opened.get(budget)!.length / days
          return { text: `at most ${budget} false incidents a day (${set})`, measured: rate.toFixed(2), kept: rate <= budget }
        }),
      ),
    },
  ]
}

/** Calls of a set by benign principals, in the order of the file. */
async function benignCalls(set: string): Promise<CallEvent[]> {
  const { attacks } = JSON.parse(readFileSync(`${data}/${set}.truth.json`, 'utf8')) as { attacks: { subjects: { id: string }[] }[] }
  const attackers = new Set(attacks.flatMap(({ subjects }) => subjects.map(({ id }) => id)))
  const calls: CallEvent[] = []
  const quiet = { identity: { hash: false }, decisions: { disabled: detectors.map(({ name }) => name) } }
  await replayFiles([`${data}/${set}.traces.jsonl.gz`], configSchema.parse(quiet), {
    storeDirectory: null,
    onOutcome: async ({ events }) => {
      for (const event of events)
        if (event.kind === 'call' && event.principal !== null && !attackers.has(event.principal.id)) calls.push(event)
    },
  })
  return calls
}

function measure(set: string, calls: readonly CallEvent[], leastDays: number): Measured {
  const principals = [...new Set(calls.map(({ principal }) => principal!.id))]
  const span = Math.max(1, Math.round((calls.at(-1)!.time - calls[0].time) / dayMicros) - 1)
  const stretches = Math.ceil(leastDays / span)
  const opened = new Map<number, string[]>(budgets.map((budget) => [budget, []]))
  for (let stretch = 0; stretch < stretches; stretch++) {
    const seed = `benign/${set}/${stretch}`
    const random = createRandom(seed)
    const drawn = new Set(principals.filter(() => random.uniform() < share))
    console.error(`${seed}, ${drawn.size} principals`)
    const detection = createDetection({ seed })
    const deciding = new Map<number, Decisions>(budgets.map((budget) => [budget, createDecisions({ falseIncidentsPerDay: budget })]))
    for (const call of calls) {
      if (!drawn.has(call.principal!.id)) continue
      for (const observation of detection.process(renamed(call, stretch))) {
        for (const [budget, decisions] of deciding) {
          for (const alert of decisions.process(observation).alerts) {
            if (alert.status === 'opened') opened.get(budget)!.push(alert.detector)
          }
        }
      }
    }
  }
  for (const [budget, names] of opened)
    console.error(`${set}, budget ${budget}, ${stretches * span} days: ${names.length} (${tally(names)})`)
  return { set, days: stretches * span, stretches, principals: principals.length, opened }
}

/** The call under another name of its principal, so that nothing hangs on the order of hashes of names. */
function renamed(call: CallEvent, stretch: number): Event {
  return { ...call, principal: { ...call.principal!, id: `${call.principal!.id}-${stretch}` } }
}

function tally(names: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].map(([name, count]) => `${name} ${count}`).join(', ')
}
