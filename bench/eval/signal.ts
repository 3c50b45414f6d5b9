import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { configSchema } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import type { Observation } from '../../src/detection/observation.ts'
import { replayFiles } from '../../src/stages/replay.ts'
import type { Subject } from '../../src/telemetry/events.ts'
import type { Report } from '../support/report.ts'
import { type NabResult, type NabSeries, nabScore, type Profile, profiles } from './nab.ts'

const data = `${import.meta.dirname}/../../../shared/data/signals`
/** After the end of a fault a network needs so long to settle: alerts there are neither hit nor false. */
const graceSeconds = 120

/** Series of the Numenta Anomaly Benchmark and the health of training runs, through the whole pipeline with its defaults. */
export async function run(): Promise<Report[]> {
  if (!existsSync(data)) {
    console.warn(`skipped: there is no ${data}`)
    return []
  }
  return [await nab(), await health()]
}

async function nab(): Promise<Report> {
  const { series } = JSON.parse(readFileSync(`${data}/nab-dev.truth.json`, 'utf8')) as { series: NabSeries[] }
  const groups = [...new Set(series.map(({ id }) => groupOf(id)))]
  const scores = new Map<string, [number, number][]>()
  for (const group of groups) {
    const { observations } = await replayed(`nab-${group}`)
    for (const { detector, subject, time, pValue } of observations) {
      if (detector !== 'series-anomaly') continue
      const points = scores.get(subject.id) ?? []
      scores.set(subject.id, points)
      points.push([Math.round(time / 1e6), pValue === null ? 0 : -Math.log10(pValue)])
    }
  }
  const names = Object.keys(profiles) as Profile[]
  const line = (name: string, results: readonly NabResult[]): string[] => [
    name,
    ...results.map(({ score, perfect }) => (perfect === 0 ? '-' : score.toFixed(1))),
    `${results[0]!.found} of ${results[0]!.windows}`,
    String(results[0]!.falsePoints),
  ]
  const whole = names.map((profile) => nabScore(series, scores, profile))
  const own = groups.map((group) => {
    const mine = series.filter(({ id }) => groupOf(id) === group)
    return line(
      `${group}, threshold of all`,
      names.map((profile, i) => nabScore(mine, scores, profile, whole[i]!.threshold)),
    )
  })
  // The threshold for a group comes from the other groups.
  const left = groups.map((group) =>
    names.map((profile) => {
      const others = series.filter(({ id }) => groupOf(id) !== group)
      const mine = series.filter(({ id }) => groupOf(id) === group)
      return nabScore(mine, scores, profile, nabScore(others, scores, profile).threshold)
    }),
  )
  const together = names.map((_, i) => {
    const sum = (pick: (result: NabResult) => number): number => left.reduce((total, results) => total + pick(results[i]!), 0)
    const [raw, empty, perfect] = [sum((r) => r.raw), sum((r) => r.null), sum((r) => r.perfect)]
    const score = (100 * (raw - empty)) / (perfect - empty)
    return {
      score,
      threshold: 0,
      found: sum((r) => r.found),
      windows: sum((r) => r.windows),
      falsePoints: sum((r) => r.falsePoints),
      raw,
      null: empty,
      perfect,
    }
  })
  const [standard] = whole
  return {
    title: 'series against the Numenta Anomaly Benchmark',
    about:
      `${series.length} series of ${groups.length} groups, fed with -log10 of the p-values of series-anomaly; one configuration, labels are read for judging only. ` +
      `On these series the best published detector, CAD OSE, has 79.8, 76.6, 82.6; random cut forest 68.8, 61.5, 74.3.`,
    columns: ['', ...names, 'windows found', 'false points'],
    rows: [
      line('all, best threshold', whole),
      line('all, threshold from the other groups', together),
      ...own,
      ...groups.map((group, i) => line(`${group}, threshold from the others`, left[i]!)),
    ],
    promises: [{ text: 'above 80 in the standard profile', measured: standard!.score.toFixed(1), kept: standard!.score > 80 }],
  }
}

interface Fault {
  readonly id: string
  readonly kind: string
  readonly category: string
  readonly subjects: readonly Subject[]
  readonly start: string
  readonly end: string
  readonly events: number
}

async function health(): Promise<Report> {
  const sets = readdirSync(data)
    .filter((file) => file.startsWith('health-') && file.endsWith('.truth.json'))
    .map((file) => file.slice(0, -'.truth.json'.length))
  const rows: string[][] = []
  let missed = 0
  let wrong = 0
  let latest = 0
  for (const set of sets) {
    const { attacks } = JSON.parse(readFileSync(`${data}/${set}.truth.json`, 'utf8')) as { attacks: Fault[] }
    const { alerts, steps } = await replayed(set)
    const opened = alerts.filter(({ status }) => status === 'opened')
    const right = new Set<string>()
    for (const fault of attacks) {
      const from = Date.parse(fault.start) - 1000
      const to = Date.parse(fault.end) + 1000 * graceSeconds
      const hit = opened.find(
        ({ category, time, members }) =>
          category === fault.category &&
          Date.parse(time) >= from &&
          Date.parse(time) <= to &&
          members.some(({ kind, id }) => fault.subjects.some((subject) => subject.kind === kind && subject.id === id)),
      )
      const begin = Date.parse(fault.start)
      const point = hit === undefined ? null : steps.filter((step) => step >= begin - 1 && step <= Date.parse(hit.time) + 1).length
      if (hit === undefined) missed++
      else right.add(hit.incident)
      if (point !== null) latest = Math.max(latest, point)
      rows.push([
        set,
        fault.kind,
        point === null ? 'missed' : `at point ${point} of ${fault.events}`,
        hit?.members.map(({ id }) => id).join(', ') ?? '',
      ])
    }
    const others = opened.filter(({ incident }) => !right.has(incident))
    wrong += others.length
    rows.push([set, 'false incidents', String(others.length), others.map(({ subject }) => subject.id).join(', ')])
  }
  return {
    title: 'health of training runs',
    about:
      'Training and activation metrics of real networks of 784-96-48-10 units; sudden faults, and a clean run with unannounced changes of the learning rate and pauses.',
    columns: ['run', 'fault', 'found', 'named'],
    rows,
    promises: [
      { text: 'every fault is found', measured: `${missed} missed`, kept: missed === 0 },
      { text: 'no false incident', measured: String(wrong), kept: wrong === 0 },
      { text: 'within three points of the start', measured: `at point ${latest} at the latest`, kept: latest <= 3 },
    ],
  }
}

/** Runs a set through the pipeline; `steps` are the times (milliseconds) at which the first series of the set has a point. */
async function replayed(set: string): Promise<{ observations: Observation[]; alerts: Alert[]; steps: number[] }> {
  const observations: Observation[] = []
  const alerts: Alert[] = []
  const steps: number[] = []
  let first: string | null = null
  await replayFiles([`${data}/${set}.metrics.jsonl.gz`], configSchema.parse({ identity: { hash: false } }), {
    storeDirectory: null,
    onOutcome: async (outcome) => {
      observations.push(...outcome.observations)
      alerts.push(...outcome.alerts)
      for (const event of outcome.events) {
        if (event.kind !== 'metricPoint') continue
        first ??= event.series
        if (event.series === first) steps.push(event.time / 1000)
      }
    },
  })
  return { observations, alerts, steps }
}

function groupOf(series: string): string {
  return series.slice(0, series.indexOf('/'))
}
