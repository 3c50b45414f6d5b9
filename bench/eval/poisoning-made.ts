import type { Report } from '../support/report.ts'
import { federatedRivals, type Round } from './federated-rivals.ts'
import { drawnDigits } from './poisoning/drawn-digits.ts'
import { type Federation, federation } from './poisoning/federations.ts'
import { federations, sampleRuns, triggerRuns } from './poisoning/plans.ts'
import { type Poison, type SampleRun, sampleRun } from './poisoning/sample-runs.ts'
import { triggerUse } from './poisoning/trigger-use.ts'
import { type Naming, watched } from './poisoning/watched.ts'
import { sampleRivals, suspicious } from './poisoning-rivals.ts'

/** Runs made here, from nothing but a seed, with attacks that the recorded ones do not have. */
export function madeReports(): Report[] {
  return [samples(), updates(), triggers()]
}

/** Counts of a method over all runs. */
interface Score {
  guilty: number
  guiltyNamed: number
  honest: number
  honestNamed: number
}

class Scores {
  readonly #methods = new Map<string, Score>()

  add(method: string, guilty: ReadonlySet<string>, all: Iterable<string>, named: ReadonlySet<string>): void {
    const score = this.#methods.get(method) ?? { guilty: 0, guiltyNamed: 0, honest: 0, honestNamed: 0 }
    this.#methods.set(method, score)
    for (const id of all) {
      if (guilty.has(id)) {
        score.guilty++
        if (named.has(id)) score.guiltyNamed++
      } else {
        score.honest++
        if (named.has(id)) score.honestNamed++
      }
    }
  }

  of(method: string): Score {
    return this.#methods.get(method)!
  }

  rows(label: string, blanks: number): string[][] {
    return [...this.#methods].map(([method, { guilty, guiltyNamed, honest, honestNamed }]) => [
      label,
      method,
      `${guiltyNamed} of ${guilty} (${((100 * guiltyNamed) / guilty).toFixed(0)} %)`,
      `${honestNamed} of ${honest} (${((100 * honestNamed) / honest).toFixed(1)} %)`,
      ...Array<string>(blanks).fill(''),
    ])
  }
}

function samples(): Report {
  const digits = drawnDigits()
  const rows: string[][] = []
  const scores = new Scores()
  for (const [name, poisons] of Object.entries(sampleRuns)) {
    const run = sampleRun(name, poisons, digits)
    const named = watched(run.events, 'source')
    const guilty = new Set(run.attacks.map(({ source }) => source))
    const all = new Set(run.events.map(({ source }) => source!))
    scores.add('Tidewatch', guilty, all, new Set(named.keys()))
    const epoch = [...new Map(run.events.map((event) => [event.sample, event])).values()]
    for (const [method, flag] of sampleRivals) scores.add(method, guilty, all, new Set(suspicious(epoch, flag(epoch))))
    for (const attack of run.attacks)
      rows.push([name, told(attack.poison), ...foundAfter(run, attack, named.get(attack.source)), String(attack.samples)])
    const innocent = [...named].filter(([id]) => !guilty.has(id))
    if (innocent.length > 0 || guilty.size === 0) {
      const whom = innocent.map(([id, { detectors }]) => `${id} by ${detectors.join(', ')}`)
      rows.push([name, 'honest sources named', String(innocent.length), whom.join('; '), ''])
    }
  }
  const { guilty, guiltyNamed, honestNamed } = scores.of('Tidewatch')
  return {
    title: 'poisoned training samples: runs made from a seed',
    about:
      `A 256-64-32-10 network trained for six epochs on drawn digits of 20 sources that each write a hand of their own; two have 2 % label noise, one writes thick. Attacks ` +
      `begin with the second delivery unless said otherwise. Rates are of the delivery; of a class for flips and clean labels. Delays in epochs of the attacker's own samples. The last rows count ` +
      `sources named over all runs; the rivals see the whole last epoch at once.`,
    columns: ['run', 'attack', 'found after', 'by', 'poisoned samples'],
    rows: [...rows, ...scores.rows('all runs', 1)],
    promises: [
      { text: 'most attacks are found', measured: `${guiltyNamed} of ${guilty}`, kept: 2 * guiltyNamed > guilty },
      {
        text: 'at most one honest source is named in five runs',
        measured: String(honestNamed),
        kept: 5 * honestNamed <= Object.keys(sampleRuns).length,
      },
    ],
  }
}

function told({ kind, rate, from, to, strength, delivery }: Poison): string {
  const classes = from === undefined ? (to === undefined ? '' : ` of class ${to}`) : ` from ${from} to ${to}`
  const since = delivery === 1 ? ', from the first sample on' : delivery === 3 ? ', in a delivery that comes alone' : ''
  return `${kind} ${Math.round(100 * rate)} %${classes}${strength === undefined ? '' : `, strength ${strength}`}${since}`
}

function foundAfter({ events }: SampleRun, { source, start }: SampleRun['attacks'][number], named: Naming | undefined): string[] {
  if (named === undefined) return ['missed', '']
  const own = events.slice(start).filter((event) => event.source === source)
  const epoch = new Set(own.map(({ sample }) => sample)).size
  const seen = events.slice(start, named.after).filter((event) => event.source === source).length
  return [`${(seen / epoch).toFixed(2)} epochs`, named.detectors.join(', ')]
}

function updates(): Report {
  const digits = drawnDigits(14)
  const rows: string[][] = []
  const scores = new Scores()
  for (const [name, manipulation] of Object.entries(federations)) {
    const made = federation(name, manipulation, digits)
    const { events, guilty, start } = made
    const named = watched(events, 'client')
    const all = new Set(events.map(({ client }) => client))
    scores.add('Tidewatch', guilty, all, new Set(named.keys()))
    const rounds = roundsOf(made)
    const delays = [...guilty].map((id) =>
      named.has(id) ? events[named.get(id)!.after - 1]!.round! - 1 - start : Number.POSITIVE_INFINITY,
    )
    delays.sort((a, b) => a - b)
    const innocent = [...named.keys()].filter((id) => !guilty.has(id)).length
    const detectors = [...new Set([...named.values()].flatMap((naming) => naming.detectors))].sort()
    const flagged: string[] = []
    for (const [method, flag] of federatedRivals(guilty.size || 3)) {
      const ever = new Set(rounds.flatMap((round) => [...flag(round)].filter((id) => !guilty.has(id) || round[0]!.round! >= start)))
      scores.add(method.replace(/told \d+/, 'told the number of'), guilty, all, ever)
      flagged.push(`${[...ever].filter((id) => guilty.has(id)).length} + ${[...ever].filter((id) => !guilty.has(id)).length}`)
    }
    rows.push([
      name,
      guilty.size === 0 ? 'none' : `${guilty.size} from round ${start}`,
      delays.map((delay) => (Number.isFinite(delay) ? String(delay) : 'never')).join(', '),
      String(innocent),
      detectors.join(', '),
      flagged.join(' / '),
    ])
  }
  const { guilty, guiltyNamed, honestNamed } = scores.of('Tidewatch')
  return {
    title: 'federated updates: federations made from a seed',
    about:
      `40 rounds of federated averaging of a 196-24-10 network on drawn digits, 30 clients (Dirichlet 0.6, 40 to 200 examples), nine in ten take part, one has 5 % label noise; count ` +
      `sketches of 128 numbers. Delays in rounds from the first harmful one. The last column has attackers + honest clients that FoolsGold / Krum / norm clipping flagged at ` +
      `least once; the last rows count clients named over all runs.`,
    columns: ['run', 'attackers', 'named after', 'honest named', 'by', 'rivals'],
    rows: [...rows, ...scores.rows('all runs', 2)],
    promises: [
      { text: 'most attackers are named', measured: `${guiltyNamed} of ${guilty}`, kept: 2 * guiltyNamed > guilty },
      {
        text: 'at most one honest client is named in five runs',
        measured: String(honestNamed),
        kept: 5 * honestNamed <= Object.keys(federations).length,
      },
    ],
  }
}

function triggers(): Report {
  const digits = drawnDigits()
  const planted = Object.values(triggerRuns).filter((poison) => poison !== null).length
  let missed = 0
  let innocents = 0
  const rows = Object.entries(triggerRuns).map(([name, poison]) => {
    const run = sampleRun(name, poison === null ? [] : [poison], digits)
    const { events, uses } = triggerUse(run, poison, digits)
    const named = watched(events, 'principal')
    const trickster = named.get('trickster')
    const innocent = [...named.keys()].filter((id) => id !== 'trickster').length
    innocents += innocent
    if (poison !== null && trickster === undefined) missed++
    const sent = trickster === undefined ? 0 : uses.filter((at) => at < trickster.after).length
    const source = run.attacks[0]?.source
    const isOne = trickster !== undefined && [...watched(events, 'source').keys()].every((id) => id === source)
    return [
      poison === null ? 'none' : told(poison),
      poison === null ? '' : trickster === undefined ? 'missed' : `${sent} triggered calls`,
      trickster === undefined ? '' : isOne ? 'yes' : 'no',
      String(innocent),
    ]
  })
  return {
    title: 'planted triggers in use',
    about:
      `The network that a run made from a seed answers 1,000 calls of 40 people, and 30 of one who sends the trigger in every second call, with digits that the run has not seen. ` +
      `The run and its model are told of as in production: the version of the model is the id of the run.`,
    columns: ['planted', 'who uses it is named after', 'with the source, and no other', 'honest people named'],
    rows,
    promises: [
      { text: 'most who use a trigger are named', measured: `${missed} of ${planted} missed`, kept: 2 * missed < planted },
      { text: 'nobody else is', measured: String(innocents), kept: innocents === 0 },
    ],
  }
}

function roundsOf({ events }: Federation): Round[] {
  return [...new Set(events.map(({ round }) => round))].map((number) => events.filter(({ round }) => round === number))
}
