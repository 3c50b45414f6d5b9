import { existsSync, readFileSync } from 'node:fs'
import { configSchema } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { replayFiles } from '../../src/stages/replay.ts'
import type { Report } from '../support/report.ts'
import { auroc } from './auroc.ts'

const data = `${import.meta.dirname}/../../../shared/data`
const activations = ['resnet18-cifar10_0', 'resnet18-cifar10_4', 'resnet18-cifar10_6'] as const
const tables = ['tabular-cardio', 'tabular-pendigits', 'tabular-satellite', 'tabular-shuttle', 'tabular-thyroid'] as const
const digits = ['digits-clean', 'digits-ood', 'digits-backdoor', 'digits-adversarial'] as const
/** Another seed projects long vectors otherwise and grows other trees; what is promised holds for the mean over these. */
const seeds = [1, 2, 3] as const
/** Of class-conditional Mahalanobis distance and nearest neighbours, both fitted on the benign start, the better. */
const givenBenignStart: Readonly<Record<string, number>> = {
  'ood-inverted': 1,
  'ood-rotated': 0.89,
  'ood-noise': 0.93,
  'backdoor-trigger': 0.97,
  'adversarial-fgsm': 0.83,
  'adversarial-pgd': 0.83,
}
const promisedMeans = { all: 0.84, activations: 0.74, tables: 0.9 }

interface Row {
  readonly spanId: string
  readonly label: number
  readonly kind?: string
}

interface Truth {
  readonly attacks: readonly { id: string; kind: string; start: string; end: string; subjects: readonly { kind: string; id: string }[] }[]
  readonly rows: readonly Row[]
}

interface Run {
  readonly truth: Truth
  /** By span id. */
  readonly scores: ReadonlyMap<string, number>
  readonly pValues: ReadonlyMap<string, number>
  readonly alerts: readonly Alert[]
}

/** Every call's score before it is learned, and who is named; the truth is read for judging only. */
export async function run(): Promise<Report[]> {
  if (!existsSync(`${data}/adbench`)) {
    console.warn(`skipped: there is no ${data}/adbench`)
    return []
  }
  const kinds = new Map<string, Run>()
  for (const set of digits) kinds.set(set, await replayed(`activations/${set}`, seeds[0]))
  return [await batchRivals(), byKind(kinds), named(kinds)]
}

async function replayed(path: string, seed: number): Promise<Run> {
  const scores = new Map<string, number>()
  const pValues = new Map<string, number>()
  const alerts: Alert[] = []
  await replayFiles([`${data}/${path}.traces.jsonl.gz`], configSchema.parse({ seed, identity: { hash: false } }), {
    storeDirectory: null,
    onOutcome: async (outcome) => {
      alerts.push(...outcome.alerts)
      for (const { detector, ref, score, pValue } of outcome.observations) {
        if (detector !== 'activation-ood') continue
        scores.set(ref, score)
        if (pValue !== null) pValues.set(ref, pValue)
      }
    },
  })
  return { truth: JSON.parse(readFileSync(`${data}/${path}.truth.json`, 'utf8')) as Truth, scores, pValues, alerts }
}

function aurocOf({ truth, scores }: Run, kind: string | null): number {
  const scoreOf = ({ spanId }: Row): number => scores.get(spanId) ?? Number.NEGATIVE_INFINITY
  const positives = truth.rows.filter((row) => row.label === 1 && (kind === null || row.kind === kind))
  return auroc(positives.map(scoreOf), truth.rows.filter(({ label }) => label === 0).map(scoreOf))
}

async function batchRivals(): Promise<Report> {
  const { sets } = JSON.parse(readFileSync(`${data}/adbench/baselines.json`, 'utf8')) as {
    sets: Record<string, { methods: Record<string, { auroc: number; mode: string }> }>
  }
  const rivals = ['KNN', 'IForest', 'ECOD', 'PySAD-LODA', 'PySAD-RSHash', 'River-HST'] as const
  const ours = new Map<string, number[]>()
  for (const set of [...activations, ...tables]) {
    const found: number[] = []
    for (const seed of seeds) found.push(aurocOf(await replayed(`adbench/${set}`, seed), null))
    ours.set(set, found)
  }
  const columnsOf = (set: string): number[] => [
    mean(ours.get(set)!),
    ...rivals.map((name) => sets[set]!.methods[name]?.auroc ?? Number.NaN),
  ]
  const line = (name: string, values: readonly number[]): string[] => [name, ...values.map((value) => value.toFixed(3))]
  const meanOf = (group: readonly string[]): number[] => columnsOf(group[0]!).map((_, i) => mean(group.map((set) => columnsOf(set)[i]!)))
  const groups = { all: [...activations, ...tables], activations, tables }
  return {
    title: 'activations and tables of ADBench, AUROC',
    about:
      'Each row scored before it is learned, in one pass and one configuration, without labels; mean over seeds 1, 2, 3. KNN, IForest and ECOD see all ' +
      'rows at once (PyOD); PySAD and River score before they learn. Resnet: 512 numbers a vector.',
    columns: ['set', 'activation-ood', ...rivals],
    rows: [
      ...groups.all.map((set) => line(set, columnsOf(set))),
      ...Object.entries(groups).map(([name, group]) => line(`mean: ${name}`, meanOf(group))),
    ],
    promises: Object.entries(promisedMeans).map(([name, promised]) => {
      const measured = meanOf(groups[name as keyof typeof groups])[0]!
      return { text: `mean AUROC above ${promised} (${name})`, measured: measured.toFixed(4), kept: measured > promised }
    }),
  }
}

function byKind(runs: ReadonlyMap<string, Run>): Report {
  const { streams } = JSON.parse(readFileSync(`${data}/activations/baselines.json`, 'utf8')) as {
    streams: Record<string, Record<string, Record<string, { auroc: number }>>>
  }
  const rows: string[][] = []
  const reached: string[] = []
  const short: string[] = []
  for (const [set, result] of runs) {
    for (const kind of new Set(result.truth.rows.filter(({ label }) => label === 1).map((row) => row.kind!))) {
      const found = aurocOf(result, kind)
      const target = givenBenignStart[kind]!
      const [rival, best] = Object.entries(streams[set]!)
        .map(([name, methods]) => [name, methods[kind]!.auroc] as const)
        .sort((a, b) => b[1] - a[1])[0]!
      rows.push([kind, found.toFixed(3), `${best.toFixed(3)} (${rival})`, target.toFixed(2)])
      ;(found >= target - 0.005 ? reached : short).push(kind)
    }
  }
  return {
    title: 'inputs of other kinds to a digit classifier, AUROC',
    about:
      'Penultimate layer of 32 units, predicted label and entropy, no clean past given. Best of the others: batch (sees all rows) or streaming, vectors only. ' +
      'Last column: the better of class-conditional Mahalanobis distance and nearest neighbours when they are told the benign start.',
    columns: ['kind', 'activation-ood', 'best of the others', 'told the benign start'],
    rows,
    promises: [
      {
        text: 'at least as good, for every kind, as those that are told the benign start',
        measured: `${reached.length} of ${rows.length}, short: ${short.join(', ') || 'none'}`,
        kept: short.length === 0,
      },
    ],
  }
}

function named(runs: ReadonlyMap<string, Run>): Report {
  const rows: string[][] = []
  let innocents = 0
  let missed = 0
  for (const [set, { truth, alerts, pValues }] of runs) {
    const guilty = new Set(truth.attacks.flatMap(({ subjects }) => subjects.map(({ id }) => id)))
    const wrong = new Set(alerts.filter(({ subject }) => !guilty.has(subject.id)).map(({ subject }) => subject.id))
    innocents += wrong.size
    const benign = truth.rows.filter(({ label }) => label === 0).flatMap(({ spanId }) => pValues.get(spanId) ?? [])
    const below = (bound: number): string => (benign.filter((pValue) => pValue <= bound).length / benign.length).toFixed(4)
    if (truth.attacks.length === 0) rows.push([set, '-', '-', '-', String(wrong.size), below(0.1), below(0.01)])
    for (const { kind, subjects, start, end } of truth.attacks) {
      const about = alerts.filter(({ subject, status }) => status !== 'resolved' && subjects.some(({ id }) => id === subject.id))
      const during = about.filter(({ time }) => Date.parse(time) >= Date.parse(start) && Date.parse(time) <= Date.parse(end) + 3600e3)
      const who = new Set(during.map(({ subject }) => `${subject.kind} ${subject.id}`))
      if (who.size === 0) missed++
      const share = (Date.parse(during[0]?.time ?? end) - Date.parse(start)) / (Date.parse(end) - Date.parse(start))
      const name = `${[...who].filter((one) => one.startsWith('principal')).length} of ${subjects.filter((one) => one.kind === 'principal').length}`
      const when = who.size === 0 ? 'not found' : `${(100 * share).toFixed(0)} %`
      rows.push([
        kind,
        when,
        name,
        [...who].some((one) => one.startsWith('model')) ? 'yes' : 'no',
        String(wrong.size),
        below(0.1),
        below(0.01),
      ])
    }
  }
  return {
    title: 'who sends strange inputs, and which model sees them',
    about:
      'The same streams of 28 minutes through the whole pipeline with its defaults (one false incident a day over everything). ' +
      'Last columns: share of the benign calls with a p-value up to 0.1 and 0.01.',
    columns: ['attack', 'found at this part of its time', 'accounts named', 'model named', 'innocents named', 'p <= 0.1', 'p <= 0.01'],
    rows,
    promises: [
      { text: 'no innocent named', measured: String(innocents), kept: innocents === 0 },
      { text: 'every attack found', measured: `${missed} missed`, kept: missed === 0 },
    ],
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
