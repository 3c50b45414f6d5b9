import { categoryWeights } from '../../src/decisions/budget.ts'
import { createRandom } from '../../src/sketches/random.ts'
import type { Event } from '../../src/telemetry/events.ts'
import type { Report } from '../support/report.ts'
import { type SizesBySet, sizesOf } from './benign-sizes.ts'
import { budgets, drawn, eventsOf, type Opened, openedIn, rateCells, share, tally } from './benign-stretch.ts'

const stretches = 100

interface CleanRun {
  readonly path: string
  /** What is drawn; null is in every stretch. */
  nameOf(event: Event): string | null
  readonly by: string
  /** The part of a budget that false incidents of one run may take. */
  readonly part: number
  /** A stretch begins at random within this share of the run, as if the watching had begun late. */
  readonly late: number
}

/** A training run has the budget of its category for itself; calls and metrics, which are shorter than a day here, have the day's. */
const runs: readonly CleanRun[] = [
  {
    path: 'activations/digits-clean.traces',
    nameOf: (event) => (event.kind === 'call' ? (event.principal?.id ?? null) : null),
    by: 'principal',
    part: 1,
    late: 0,
  },
  {
    path: 'poisoning/samples-clean.logs',
    nameOf: (event) => (event.kind === 'trainingSample' ? event.source : null),
    by: 'source',
    part: categoryWeights.poisoning,
    late: 0,
  },
  {
    path: 'poisoning/federated-clean.logs',
    nameOf: (event) => (event.kind === 'trainingUpdate' ? event.client : null),
    by: 'client',
    part: categoryWeights.poisoning,
    late: 0,
  },
  {
    path: 'signals/health-clean.metrics',
    nameOf: (event) => (event.kind === 'metricPoint' ? (event.layer ?? event.series) : null),
    by: 'layer, series of none',
    part: 1,
    late: 0.3,
  },
]

interface Measured {
  readonly set: string
  readonly run: CleanRun
  readonly opened: Opened
}

/** Clean runs whose sources, clients, layers or principals are drawn anew. */
export async function benignRuns(sizes: SizesBySet): Promise<Report | null> {
  const measured: Measured[] = []
  for (const run of runs) {
    const events = await eventsOf(`${run.path}.jsonl.gz`)
    if (events === null) continue
    const set = run.path.slice(run.path.indexOf('/') + 1, run.path.lastIndexOf('.'))
    const opened = openedIn(
      set,
      stretches,
      (_, seed) => {
        const from = Math.floor(run.late * createRandom(`${seed}/late`).uniform() * events.length)
        return drawn(events.slice(from), run.nameOf, seed)
      },
      sizesOf(sizes, set),
    )
    measured.push({ set, run, opened })
  }
  if (measured.length === 0) return null
  return {
    title: 'false incidents a run on clean runs, subjects drawn anew',
    about: `${stretches} stretches of each run hold ${Math.round(100 * share)} % of what it is drawn by, without replacement, with fresh detectors (other random features) and decisions; health-clean begins anywhere in its first three tenths. Seeds benign/SET/0, 1, 2, ... A training run may take the part of the budget that its category has (poisoning ${categoryWeights.poisoning}), whatever its length; the others last less than a day and may take the day's. Interval: exact Poisson, 95 %; it says how exactly the mean over draws from this one run is known.`,
    columns: ['run', 'drawn by', 'budget', 'allowed a run', 'incidents', 'a run', '95 % interval', 'verdict', 'by detector'],
    rows: measured.flatMap(({ set, run, opened }) =>
      budgets.map((budget) => {
        const names = opened.get(budget)!
        const allowed = budget * run.part
        return [set, run.by, `${budget}`, allowed.toFixed(1), ...rateCells(names.length, stretches, allowed), tally(names)]
      }),
    ),
    promises: measured.flatMap(({ set, run, opened }) =>
      budgets.map((budget) => {
        const rate = opened.get(budget)!.length / stretches
        const allowed = budget * run.part
        return { text: `at most ${allowed.toFixed(1)} false incidents a run (${set})`, measured: rate.toFixed(2), kept: rate <= allowed }
      }),
    ),
  }
}
