import type { Alert } from '../decisions/alert.ts'
import { isoMicros, microsOf } from '../telemetry/time.ts'
import { accountsOf, shownSubject } from './read-evidence.ts'
import type { Reader } from './reads.ts'

/** Points of a line at most. */
const mostPoints = 240
/** Lines at most; the rest of many members is left to their sum. */
const mostLines = 6

export interface Line {
  readonly name: string
  /** ISO 8601 and value. */
  readonly points: readonly (readonly [string, number])[]
}

export interface Timeline {
  readonly quantity: string
  readonly secondsPerPoint: number
  readonly start: string
  readonly end: string
  readonly lines: readonly Line[]
}

interface Source {
  readonly quantity: string
  /** Name of the line. */
  readonly name: string
  readonly value: string
  readonly from: string
  readonly time: string
  readonly where: string
  readonly least: number
  readonly parameters: Record<string, unknown>
}

/** Where the events of a subject are, and what a line of them shows. */
function sourceOf(alert: Alert): Source {
  const { run } = alert
  const subject = shownSubject(alert)
  const parameters = { members: accountsOf(alert), subject: subject.id, run: run ?? '', model: alert.model ?? '' }
  switch (subject.kind) {
    case 'source':
    case 'shard':
    case 'run':
      return {
        quantity: 'training samples',
        name: 'source',
        value: 'count()',
        from: 'training_samples',
        time: 'time',
        where: `run = {run:String}${subject.kind === 'run' ? '' : ` AND ${subject.kind} = {subject:String}`}`,
        least: 1,
        parameters,
      }
    case 'client':
      return {
        quantity: 'norm of the update',
        name: 'client',
        value: 'avg(norm)',
        from: 'training_updates',
        time: 'time',
        where: 'run = {run:String} AND client = {subject:String} AND isFinite(norm)',
        least: 1,
        parameters,
      }
    case 'series':
    case 'layer':
      return {
        quantity: subject.kind === 'series' ? 'value' : 'value of the layer’s metrics',
        name: 'series',
        value: 'avg(value)',
        from: 'metric_points',
        time: 'time',
        where: `${subject.kind === 'series' ? 'series' : 'layer'} = {subject:String} AND isFinite(value)`,
        least: 1,
        parameters,
      }
    case 'model':
    case 'service':
      return {
        quantity: 'calls',
        name: 'model_name',
        value: 'sum(t.calls)',
        from: 'calls_by_minute',
        time: 'minute',
        where: 'model_name = {model:String}',
        least: 60,
        parameters,
      }
    case 'credential':
      return {
        quantity: 'calls',
        name: 'credential',
        value: 'count()',
        from: 'calls',
        time: 'time',
        where: 'credential = {subject:String}',
        least: 1,
        parameters,
      }
    default:
      return {
        quantity: 'calls',
        name: 'principal',
        value: 'count()',
        from: 'calls',
        time: 'time',
        where: 'principal IN {members:Array(String)}',
        least: 1,
        parameters,
      }
  }
}

/** Share of the events that may lie before the line begins, so that a day without anything does not hide what happened in a minute. */
const before = 0.05

/** The subject's events over the incident's window and some time before it, in even steps: from where nearly all of them are. */
export async function readTimeline(store: Reader, alert: Alert): Promise<Timeline> {
  const source = sourceOf(alert)
  const opened = microsOf(alert.opened) / 1e6
  const window = {
    start: Math.min(microsOf(alert.window.start) / 1e6, opened),
    end: Math.max(microsOf(alert.window.end), microsOf(alert.time)) / 1e6,
  }
  const where = `${source.where} AND t.${source.time} BETWEEN toDateTime({start:UInt32}, 'UTC') AND toDateTime({end:UInt32}, 'UTC')`
  const place = ({ start, end }: typeof window) => ({ start: Math.max(0, Math.floor(start)), end: Math.ceil(end) + source.least })
  const [dense] = await store.query<{ events: number; second: number }>(
    `SELECT count() AS events, toUnixTimestamp(quantileExact({before:Float64})(toDateTime(t.${source.time}, 'UTC'))) AS second FROM ${source.from} AS t WHERE ${where}`,
    { ...source.parameters, ...place(window), before },
  )
  const began = dense === undefined || dense.events === 0 ? window.start : Math.min(dense.second, opened)
  const start = began - Math.max(window.end - began, 60) / 4
  const shown = { start: Math.max(start, window.start - 60), end: window.end }
  const seconds = stepOf((shown.end - shown.start) / mostPoints, source.least)
  const rows = await store.query<{ name: string; second: number; value: number }>(
    `SELECT t.${source.name} AS name, intDiv(toUnixTimestamp(toDateTime(t.${source.time}, 'UTC')), {seconds:UInt32}) * {seconds:UInt32} AS second,
            ${source.value} AS value
     FROM ${source.from} AS t WHERE ${where} GROUP BY name, second ORDER BY second LIMIT 100000`,
    { ...source.parameters, ...place(shown), seconds },
  )
  return {
    quantity: source.quantity,
    secondsPerPoint: seconds,
    start: isoMicros(shown.start * 1e6),
    end: isoMicros(shown.end * 1e6),
    lines: linesOf(rows),
  }
}

const steps = [1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800]

function stepOf(seconds: number, least: number): number {
  return steps.find((step) => step >= seconds && step >= least) ?? 2_592_000
}

/** Each name a line; the greatest ones, so that a plot stays readable. */
function linesOf(rows: readonly { name: string; second: number; value: number }[]): Line[] {
  const lines = new Map<string, [string, number][]>()
  for (const { name, second, value } of rows) {
    const points = lines.get(name) ?? []
    points.push([new Date(second * 1000).toISOString(), value])
    lines.set(name, points)
  }
  const total = (points: readonly (readonly [string, number])[]) => points.reduce((sum, [, value]) => sum + Math.abs(value), 0)
  return [...lines]
    .map(([name, points]) => ({ name, points }))
    .sort((a, b) => total(b.points) - total(a.points))
    .slice(0, mostLines)
}
