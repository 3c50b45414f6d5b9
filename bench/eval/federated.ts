import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { configSchema } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { createDetection } from '../../src/detection/detect.ts'
import { detectorNamed } from '../../src/detection/registry.ts'
import { replayFiles } from '../../src/stages/replay.ts'
import type { Subject, TrainingUpdateEvent } from '../../src/telemetry/events.ts'
import type { Report } from '../support/report.ts'
import { federatedRivals, type Round } from './federated-rivals.ts'

const data = `${import.meta.dirname}/../../../shared/data/poisoning`
const names = ['update-outlier', 'sybil-updates'] as const
/** Rounds from the start of an attack within which its clients are to be named. */
const within: Readonly<Record<string, number>> = { 'sign-flip': 5, scaled: 5, 'label-flip': 8, alie: 15 }
const mostBytes = 4 * 1024

interface Truth {
  readonly attacks: readonly { readonly kind: string; readonly subjects: readonly Subject[]; readonly note: string }[]
  readonly firstRound: number | null
}

interface Run {
  readonly set: string
  readonly kind: string
  readonly start: number
  readonly guilty: ReadonlySet<string>
  readonly updates: readonly TrainingUpdateEvent[]
  readonly rounds: readonly Round[]
  readonly alerts: readonly Alert[]
}

/** Updates of real federated training through the whole pipeline with its defaults; the truth is read for judging only. */
export async function federatedReports(): Promise<Report[]> {
  if (!existsSync(data)) {
    console.warn(`skipped: there is no ${data}`)
    return []
  }
  const sets = readdirSync(data)
    .filter((file) => file.startsWith('federated-') && file.endsWith('.truth.json'))
    .map((file) => file.slice(0, -'.truth.json'.length))
  const runs: Run[] = []
  for (const set of sets) runs.push(await replayed(set))
  return [found(runs), rivals(runs), cost(runs)]
}

async function replayed(set: string): Promise<Run> {
  const updates: TrainingUpdateEvent[] = []
  const alerts: Alert[] = []
  await replayFiles([`${data}/${set}.logs.jsonl.gz`], configSchema.parse({ identity: { hash: false } }), {
    storeDirectory: null,
    onOutcome: async (outcome) => {
      alerts.push(...outcome.alerts)
      for (const event of outcome.events) if (event.kind === 'trainingUpdate') updates.push(event)
    },
  })
  const { attacks, firstRound } = JSON.parse(readFileSync(`${data}/${set}.truth.json`, 'utf8')) as Truth
  const rounds = [...new Set(updates.map(({ round }) => round))].map((number) => updates.filter(({ round }) => round === number))
  const guilty = new Set(attacks.flatMap(({ subjects }) => subjects.map(({ id }) => id)))
  return { set, kind: attacks[0]?.kind ?? 'none', start: firstRound ?? 0, guilty, updates, rounds, alerts }
}

/** The round whose close named each client. */
function namedIn({ updates, alerts }: Run): Map<string, number> {
  const named = new Map<string, number>()
  for (const { time, members } of alerts) {
    const begun = updates.find((update) => update.time >= Date.parse(time) * 1000)?.round ?? updates.at(-1)!.round!
    for (const { kind, id } of members) if (kind === 'client' && !named.has(id)) named.set(id, begun - 1)
  }
  return named
}

function found(runs: readonly Run[]): Report {
  const rows: string[][] = []
  let late = 0
  let innocents = 0
  for (const run of runs) {
    const named = namedIn(run)
    const delays = [...run.guilty]
      .map((id) => (named.has(id) ? named.get(id)! - run.start : Number.POSITIVE_INFINITY))
      .sort((a, b) => a - b)
    const innocent = [...named.keys()].filter((id) => !run.guilty.has(id)).length
    late += delays.filter((delay) => delay > (within[run.kind] ?? Number.POSITIVE_INFINITY)).length
    innocents += innocent
    const opened = run.alerts.filter(({ status }) => status === 'opened')
    rows.push([
      run.set,
      run.guilty.size === 0 ? '' : String(run.start),
      delays.map((delay) => (Number.isFinite(delay) ? String(delay) : 'never')).join(', '),
      within[run.kind] === undefined ? '' : String(within[run.kind]),
      String(innocent),
      String(opened.length),
      [...new Set(opened.flatMap(({ detectors }) => detectors))].sort().join(', '),
    ])
  }
  return {
    title: 'federated updates',
    about:
      `48 rounds of federated averaging, 30 clients with unequal classes and sizes, nine in ten take part in a round, one has 5 % label noise; ` +
      `sketches of 128 numbers. Default budget. Delays in rounds from the first harmful one, 0 being that round's close.`,
    columns: ['run', 'start', 'attackers named after', 'to reach', 'honest clients named', 'incidents', 'detectors'],
    rows,
    promises: [
      { text: 'every attacker is named within the rounds to reach', measured: `${late} later or never`, kept: late === 0 },
      { text: 'no honest client is named', measured: String(innocents), kept: innocents === 0 },
    ],
  }
}

function rivals(runs: readonly Run[]): Report {
  const rows: string[][] = []
  for (const run of runs) {
    const told = run.guilty.size || 3
    const named = namedIn(run)
    const methods: [string, (round: Round) => Set<string>][] = [
      ...federatedRivals(told),
      [
        'Tidewatch',
        (round) =>
          new Set(round.map(({ client }) => client).filter((id) => (named.get(id) ?? Number.POSITIVE_INFINITY) <= round[0]!.round!)),
      ],
    ]
    for (const [name, method] of methods) {
      const counts = { guilty: 0, guiltyFlagged: 0, honest: 0, honestFlagged: 0 }
      const ever = new Set<string>()
      for (const round of run.rounds) {
        const flagged = method(round)
        for (const { client } of round) {
          const kind = run.guilty.has(client) ? 'guilty' : 'honest'
          // What an attacker sent before its attack is neither a hit nor a false alarm.
          if (kind === 'guilty' && round[0]!.round! < run.start) continue
          counts[kind]++
          if (!flagged.has(client)) continue
          counts[`${kind}Flagged`]++
          ever.add(client)
        }
      }
      const right = [...ever].filter((id) => run.guilty.has(id)).length
      rows.push([
        run.set,
        name,
        counts.guilty === 0 ? '-' : share(counts.guiltyFlagged, counts.guilty),
        share(counts.honestFlagged, counts.honest),
        `${right} of ${run.guilty.size}`,
        String(ever.size - right),
      ])
    }
  }
  return {
    title: 'federated updates: FoolsGold, Krum and norm clipping on the same runs',
    about:
      `Own implementations from the papers on the same sketches and norms. They are rules of aggregation, which may leave honest updates out of a round at ` +
      `little cost; as detectors they name whom they flag. Tidewatch flags a client from the round on whose close named it.`,
    columns: [
      'run',
      'method',
      "attackers' updates flagged",
      'honest ones flagged',
      'attackers ever flagged',
      'honest clients ever flagged',
    ],
    rows,
    promises: [],
  }
}

function share(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`
}

function cost(runs: readonly Run[]): Report {
  const { updates } = runs[0]!
  const clients = new Set(updates.map(({ client }) => client)).size
  let bytes = 0
  const rows = names.map((name) => {
    let best = Number.POSITIVE_INFINITY
    let state = 0
    for (let round = 0; round < 3; round++) {
      const detection = createDetection({ seed: 'cost', detectors: [detectorNamed(name)] })
      const before = process.cpuUsage()
      for (const update of updates) detection.process(update)
      const { user, system } = process.cpuUsage(before)
      best = Math.min(best, (user + system) / updates.length)
      state = detection.snapshot().length / clients
    }
    bytes += state
    return [name, best.toFixed(0), Math.round(state).toString()]
  })
  return {
    title: 'federated updates: cost',
    about: `Detectors alone, ${updates.length} updates of ${clients} clients with sketches of ${updates[0]!.sketch?.length ?? 0} numbers; the best of three rounds.`,
    columns: ['detector', 'processor time an update, microseconds', 'state a client, bytes'],
    rows: [...rows, ['together', '', Math.round(bytes).toString()]],
    promises: [{ text: `at most ${mostBytes} bytes a client`, measured: Math.round(bytes).toString(), kept: bytes <= mostBytes }],
  }
}
