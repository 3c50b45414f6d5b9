import { readFileSync } from 'node:fs'
import type { CallEvent, Event, MetricPointEvent } from '../../src/telemetry/events.ts'
import type { PValueSizes } from '../support/p-value-sizes.ts'
import type { Report } from '../support/report.ts'
import { type SizesBySet, sizesOf } from './benign-sizes.ts'
import { budgets, data, drawn, eventsOf, type Opened, openedIn, rateCells, share, tally } from './benign-stretch.ts'

const dayMicros = 86_400e6
/** Calls by principals, series by their name; judged days, the first of a stretch being warm-up. Images are slow: their set holds activations too. */
const sets = [
  ['extraction/benign-text-dev.traces', 100],
  ['extraction/extraction-image-dev.traces', 40],
  ['signals/nab-artificialNoAnomaly.metrics', 100],
] as const

interface Measured {
  readonly set: string
  readonly days: number
  readonly stretches: number
  readonly opened: Opened
}

/** Days of benign traffic with subjects drawn anew. The truth is read to leave the attackers' calls out. */
export async function benignDays(sizes: SizesBySet): Promise<Report | null> {
  const measured: Measured[] = []
  for (const [path, leastDays] of sets) {
    const events = await eventsOf(`${path}.jsonl.gz`)
    if (events !== null) {
      const set = path.slice(path.indexOf('/') + 1, path.lastIndexOf('.'))
      measured.push(measure(set, benign(path, events), leastDays, sizesOf(sizes, set)))
    }
  }
  if (measured.length === 0) return null
  return {
    title: 'false incidents a day on benign traffic, subjects drawn anew',
    about: `Each stretch holds ${Math.round(100 * share)} % of the set's benign principals (series of metrics), drawn without replacement under new names, at their own times, with fresh detectors and decisions; its first day is warm-up and not counted. Seeds benign/SET/0, 1, 2, ... Interval: exact Poisson, 95 %. The stretches draw from the same few subjects and days, so the interval says how exactly the mean over draws is known and not how other traffic would do.`,
    columns: ['set', 'budget a day', 'stretches', 'days', 'incidents', 'a day', '95 % interval', 'budget', 'by detector'],
    rows: measured.flatMap(({ set, days, stretches, opened }) =>
      budgets.map((budget) => {
        const names = opened.get(budget)!
        return [set, `${budget}`, `${stretches}`, `${days}`, ...rateCells(names.length, days, budget), tally(names)]
      }),
    ),
    promises: measured.flatMap(({ set, days, opened }) =>
      budgets.map((budget) => {
        const rate = opened.get(budget)!.length / days
        return { text: `at most ${budget} false incidents a day (${set})`, measured: rate.toFixed(2), kept: rate <= budget }
      }),
    ),
  }
}

type Subjective = CallEvent | MetricPointEvent

function benign(path: string, events: readonly Event[]): Subjective[] {
  const { attacks } = JSON.parse(readFileSync(`${data}/${path.slice(0, path.lastIndexOf('.'))}.truth.json`, 'utf8')) as {
    attacks: { subjects: { id: string }[] }[]
  }
  const attackers = new Set(attacks.flatMap(({ subjects }) => subjects.map(({ id }) => id)))
  return events.filter(
    (event): event is Subjective =>
      event.kind === 'metricPoint' || (event.kind === 'call' && event.principal !== null && !attackers.has(event.principal.id)),
  )
}

function measure(set: string, events: readonly Subjective[], leastDays: number, sizes: PValueSizes): Measured {
  const span = Math.max(1, Math.round((events.at(-1)!.time - events[0]!.time) / dayMicros) - 1)
  const stretches = Math.ceil(leastDays / span)
  const nameOf = (event: Subjective): string => (event.kind === 'call' ? event.principal!.id : event.series)
  const opened = openedIn(set, stretches, (index, seed) => drawn(events, nameOf, seed).map((event) => renamed(event, index)), sizes)
  return { set, days: stretches * span, stretches, opened }
}

/** The event under another name of its subject, so that nothing hangs on the order of hashes of names. */
function renamed(event: Subjective, stretch: number): Event {
  if (event.kind === 'call') return { ...event, principal: { ...event.principal!, id: `${event.principal!.id}-${stretch}` } }
  return { ...event, series: `${event.series}-${stretch}` }
}
