import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { configSchema } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { createDetection } from '../../src/detection/detect.ts'
import { detectorNamed } from '../../src/detection/registry.ts'
import { replayFiles } from '../../src/stages/replay.ts'
import type { Subject, TrainingSampleEvent } from '../../src/telemetry/events.ts'
import type { Report } from '../support/report.ts'
import { sampleRivals, suspicious } from './poisoning-rivals.ts'

const data = `${import.meta.dirname}/../../../shared/data/poisoning`
const names = ['label-flip', 'backdoor-activation', 'source-drift', 'provenance'] as const

interface Attack {
  readonly id: string
  readonly kind: string
  readonly subjects: readonly Subject[]
  readonly start: string
  readonly note: string
}

interface Truth {
  readonly attacks: readonly Attack[]
  readonly rows: readonly { readonly sampleId: string; readonly source: string; readonly kind: string }[]
}

interface Run {
  readonly set: string
  readonly truth: Truth
  readonly samples: readonly TrainingSampleEvent[]
  readonly alerts: readonly Alert[]
}

/** Training samples of real networks through the whole pipeline with its defaults; the truth is read for judging only. */
export async function sampleReports(): Promise<Report[]> {
  if (!existsSync(data)) {
    console.warn(`skipped: there is no ${data}`)
    return []
  }
  const sets = readdirSync(data)
    .filter((file) => file.startsWith('samples-') && file.endsWith('.truth.json'))
    .map((file) => file.slice(0, -'.truth.json'.length))
  const runs: Run[] = []
  for (const set of sets) runs.push(await replayed(set))
  return [found(runs), rivals(runs), samplesCost(runs[0]!.samples)]
}

async function replayed(set: string): Promise<Run> {
  const samples: TrainingSampleEvent[] = []
  const alerts: Alert[] = []
  await replayFiles([`${data}/${set}.logs.jsonl.gz`], configSchema.parse({ identity: { hash: false } }), {
    storeDirectory: null,
    onOutcome: async (outcome) => {
      alerts.push(...outcome.alerts)
      for (const event of outcome.events) if (event.kind === 'trainingSample') samples.push(event)
    },
  })
  return { set, truth: JSON.parse(readFileSync(`${data}/${set}.truth.json`, 'utf8')) as Truth, samples, alerts }
}

function found(runs: readonly Run[]): Report {
  const rows: string[][] = []
  let missed = 0
  let late = 0
  let wrong = 0
  for (const { set, truth, samples, alerts } of runs) {
    const incidents = new Map<string, Alert[]>()
    for (const alert of alerts) incidents.set(alert.incident, [...(incidents.get(alert.incident) ?? []), alert])
    const guilty = new Set(truth.attacks.flatMap(({ subjects }) => subjects.map(({ id }) => id)))
    const named = (alert: Alert) => alert.members.filter(({ kind }) => kind === 'source').map(({ id }) => id)
    for (const { kind, subjects, start, note } of truth.attacks) {
      const ids = subjects.map(({ id }) => id)
      const about = [...incidents.values()].filter(([opened]) => named(opened!).some((id) => ids.includes(id)))
      const [first] = about.map(([opened]) => opened!).sort((a, b) => (a.time < b.time ? -1 : 1))
      const from = Date.parse(start) * 1000
      const own = samples.filter(({ source, time }) => ids.includes(source ?? '') && time >= from)
      const until = first === undefined ? Number.POSITIVE_INFINITY : Date.parse(first.time) * 1000 + 999
      const seen = own.filter(({ time }) => time <= until).length
      const epoch = new Set(own.map(({ sample }) => sample)).size
      const detectors = [...new Set(about.flat().flatMap((alert) => alert.detectors))].sort()
      if (first === undefined) missed++
      else if (seen > 1.02 * epoch) late++
      rows.push([
        set,
        `${kind}: ${note}`,
        first === undefined ? 'missed' : `${seen} of the source's samples (${(seen / epoch).toFixed(2)} epochs)`,
        first?.pValue?.toExponential(1) ?? '',
        detectors.join(', '),
      ])
    }
    const innocent = [...incidents.values()].filter(([opened]) => !named(opened!).some((id) => guilty.has(id)))
    wrong += innocent.length
    rows.push([set, 'false incidents', String(innocent.length), '', innocent.map(([opened]) => opened!.subject.id).join(', ')])
  }
  return {
    title: 'poisoned training samples',
    about:
      `Runs of a 784-128-32-10 network on real digits from 20 sources, six epochs, about 25,000 events each; every run has sources with random label ` +
      `noise, with thicker strokes, and with unbalanced classes. Default budget. Delays are counted in the attacker's own samples from the first harmful one on.`,
    columns: ['run', 'attack', 'found after', 'p of the incident', 'detectors'],
    rows,
    promises: [
      { text: 'every attack is found and its source named', measured: `${missed} missed`, kept: missed === 0 },
      { text: 'within one epoch of its start', measured: `${late} later`, kept: late === 0 },
      { text: 'no honest source is named', measured: String(wrong), kept: wrong === 0 },
    ],
  }
}

/**
 * What the methods flag in the last epoch, and whom that would name: the source whose flagged samples are too many for the rate of the others
 * (negative binomial, at a level that keeps the false sources of a run to 0.05).
 */
function rivals(runs: readonly Run[]): Report {
  const rows: string[][] = []
  for (const { set, truth, samples, alerts } of runs) {
    const last = new Map(samples.map((sample) => [sample.sample, sample]))
    const epoch = [...last.values()]
    const bad = new Map(truth.rows.filter(({ kind }) => kind !== 'honest-noise').map(({ sampleId, kind }) => [sampleId, kind]))
    const guilty = new Set(truth.attacks.flatMap(({ subjects }) => subjects.map(({ id }) => id)))
    const kinds = [...new Set(truth.attacks.map(({ kind }) => kind))]
    for (const [name, method] of sampleRivals) {
      const flagged = method(epoch)
      const honest = epoch.filter(({ sample }) => !bad.has(sample ?? ''))
      const rates = kinds.map((kind) => {
        const poisoned = epoch.filter(({ sample }) => bad.get(sample ?? '')?.startsWith(kind.split('-')[0]!))
        return `${kind} ${share(poisoned, flagged)}`
      })
      const sources = suspicious(epoch, flagged)
      const right = sources.filter((source) => guilty.has(source)).length
      rows.push([set, name, rates.join(', '), share(honest, flagged), `${right} of ${guilty.size}`, String(sources.length - right)])
    }
    const named = new Set(alerts.flatMap(({ members }) => members.filter(({ kind }) => kind === 'source').map(({ id }) => id)))
    const right = [...named].filter((id) => guilty.has(id)).length
    const ids = alerts.flatMap(({ evidence }) =>
      (evidence.detectors as { facts: { sampleIds?: string } }[]).flatMap(({ facts }) => facts.sampleIds?.split(' ').filter(Boolean) ?? []),
    )
    const distinct = [...new Set(ids)]
    const precision =
      distinct.length === 0 ? '' : `${distinct.filter((id) => bad.has(id)).length} of ${distinct.length} named samples are poisoned`
    rows.push([set, 'Tidewatch', precision, '', `${right} of ${guilty.size}`, String(named.size - right)])
  }
  return {
    title: 'poisoned training samples: spectral signatures and activation clustering on the same runs',
    about:
      `Own implementations from the papers, given the activations of the whole last epoch at once and, for spectral signatures, the share of poison; ` +
      `they flag samples, and a source is named where its flagged samples exceed the rate of the others at a level of 0.05 false sources a run. ` +
      `Neither was made for label flips or drift; Tidewatch works while the run goes on.`,
    columns: ['run', 'method', 'poisoned samples flagged', 'honest ones flagged', 'guilty sources named', 'honest sources named'],
    rows,
    promises: [],
  }
}

function share(samples: readonly TrainingSampleEvent[], flagged: ReadonlySet<TrainingSampleEvent>): string {
  if (samples.length === 0) return '-'
  return `${((100 * samples.filter((sample) => flagged.has(sample)).length) / samples.length).toFixed(1)} %`
}

const mostMicros = 30
const mostBytes = 6 * 1024

/** Time and state of the detectors of samples, over the samples of one run. */
export function samplesCost(samples: readonly TrainingSampleEvent[]): Report {
  const pairs = new Set(samples.map(({ source, label }) => `${source}/${label}`)).size
  let micros = 0
  let bytes = 0
  const rows = names.map((name) => {
    const detectors = [detectorNamed(name)]
    let best = Number.POSITIVE_INFINITY
    let state = 0
    for (let round = 0; round < 3; round++) {
      const detection = createDetection({ seed: 'cost', detectors })
      const before = process.cpuUsage()
      for (const sample of samples) detection.process(sample)
      const { user, system } = process.cpuUsage(before)
      best = Math.min(best, (user + system) / samples.length)
      state = detection.snapshot().length / pairs
    }
    micros += best
    bytes += state
    return [name, best.toFixed(1), Math.round(state).toString()]
  })
  return {
    title: 'poisoned training samples: cost',
    about: `Detectors alone, ${samples.length} events with ${samples[0]?.activation?.vector.length ?? 0} activation dimensions, ${pairs} source-class pairs; the best of three rounds.`,
    columns: ['detector', 'processor time a sample, microseconds', 'state a source-class pair, bytes'],
    rows: [...rows, ['together', micros.toFixed(1), Math.round(bytes).toString()]],
    promises: [
      { text: `at most ${mostMicros} microseconds a sample`, measured: micros.toFixed(1), kept: micros <= mostMicros },
      { text: `at most ${mostBytes} bytes a source-class pair`, measured: Math.round(bytes).toString(), kept: bytes <= mostBytes },
    ],
  }
}
