import { detectors } from '../../src/detection/registry.ts'
import type { Report } from '../support/report.ts'
import type { Judgement } from './judge.ts'
import { judged, type LabelledSet, loadSet, renamed } from './labelled-set.ts'
import { deltas, ours, prada, withSplit } from './split-curve.ts'

const sets = ['extraction-text-dev', 'extraction-text-content-dev', 'extraction-image-dev', 'benign-text-dev'] as const
/** Each seed has other random features and other names for all accounts. */
const seeds = [1, 2, 3, 4, 5] as const
const onlyExtraction = detectors.filter(({ category }) => category === 'extraction')

/** Who copies a model: attacks found and accounts named. The truth is read for judging only. */
export async function run(): Promise<Report[]> {
  const reports: Report[] = []
  const loaded = new Map<string, LabelledSet>()
  for (const name of sets) {
    const set = await loadSet(`extraction/${name}`)
    if (set === null) {
      console.warn(`skipped: there is no ${name}`)
      continue
    }
    const runs = seeds.map((seed) => judged(seed === seeds[0] ? set : renamed(set, seed), { seed, detectors: onlyExtraction }))
    loaded.set(name, set)
    reports.push(report(set, runs))
  }
  const images = loaded.get('extraction-image-dev')
  const texts = loaded.get('extraction-text-dev')
  if (images !== undefined) reports.push(besidePrada(images))
  if (images !== undefined && texts !== undefined)
    reports.push(
      curve([
        [texts, 'distill-wide'],
        [texts, 'slow'],
        [images, 'jbda-0.1'],
        [images, 'knockoff-photos'],
      ]),
    )
  return reports
}

const counts = [1, 5, 20, 50, 100] as const

/** What becomes of an attack that is dealt out to more and more accounts. */
function curve(attacks: readonly (readonly [LabelledSet, string])[]): Report {
  const rows = attacks.flatMap(([set, attack]) =>
    [null, 'shuffled'].flatMap((order) =>
      counts.map((accounts) => {
        const split = withSplit(set, attack, accounts, order)
        const { calls, named, wrong } = ours(split, onlyExtraction)
        return [
          `${attack} over ${accounts}${order === null ? '' : ', turns shuffled'}`,
          calls === null ? 'never' : String(calls),
          `${(100 * named).toFixed(0)} %`,
          String(wrong),
          ...prada(split).map((one) => `${one.calls ?? 'never'} (${one.innocents})`),
        ]
      }),
    ),
  )
  return {
    title: 'one attack dealt out to many accounts',
    about:
      'The calls of one attack go in turn to so many fresh accounts that share nothing else, all other attackers are left out. Calls of the attack until the first ' +
      'alarm about one of its accounts; in brackets the innocent accounts that PRADA names (one account at a time, as published).',
    columns: ['attack', 'calls', 'accounts named', 'false incidents', ...deltas.map((delta) => `PRADA ${delta}`)],
    rows,
    promises: [],
  }
}

/** The published rule on every attack on the classifier. */
function besidePrada(set: LabelledSet): Report {
  const rows = set.truth.attacks.map((attack) => {
    const alone = { ...set, truth: { ...set.truth, attacks: [attack] } }
    return [attack.id, ...prada(alone).map(({ calls }) => (calls === null ? 'never' : String(calls)))]
  })
  return {
    title: 'PRADA on the image set',
    about: 'Calls of the attack until PRADA names one of its accounts, at three thresholds of normality.',
    columns: ['attack', ...deltas.map((delta) => `PRADA ${delta}`)],
    rows,
    promises: [],
  }
}

function report({ name, truth, events }: LabelledSet, runs: readonly Judgement[]): Report {
  const rows = truth.attacks.map((attack, index) => {
    const verdicts = runs.map(({ verdicts }) => verdicts[index]!)
    const { calls, accounts, named, detectors: by } = verdicts[0]!
    const found = verdicts.filter((verdict) => verdict.calls !== null)
    return [
      attack.id,
      calls === null ? 'MISSED' : String(calls),
      found.map((verdict) => verdict.calls).join(' '),
      `${found.length} of ${runs.length}`,
      accounts === 1 ? '' : `${((100 * named) / accounts).toFixed(0)} % of ${accounts}`,
      by.join(', '),
    ]
  })
  for (const [index, { falseIncidents }] of runs.entries()) {
    for (const { subject, note, detectors: by } of falseIncidents) {
      rows.push([`false: ${subject}${note === '' ? '' : ` (${note})`}`, '', '', `seed ${seeds[index]}`, '', by.join(', ')])
    }
  }
  const days = truth.start && truth.end ? ((Date.parse(truth.end) - Date.parse(truth.start)) / 86_400e3).toFixed(1) : '?'
  const missed = runs.map(({ verdicts }) => verdicts.filter(({ calls }) => calls === null).length)
  const wrong = runs.map(({ falseIncidents }) => falseIncidents.length)
  const single = runs[0]!.verdicts.filter(({ accounts }) => accounts === 1).map(({ calls }) => calls ?? Number.POSITIVE_INFINITY)
  const split = runs.flatMap(({ verdicts }) => verdicts.filter(({ accounts }) => accounts > 1))
  const innocents = runs.map((one) => (one.named === 0 ? 0 : (100 * one.innocents) / one.named))
  return {
    title: name,
    about:
      `${events.length} events in ${days} days, one false incident a day as budget, detectors of extraction only. Calls of the attack's accounts until the first ` +
      `alarm that names one of them: seed 1, then all seeds (${seeds.join(', ')}: other random features and other account names).`,
    columns: ['attack', 'calls', 'by seed', 'found', 'accounts named', 'detectors'],
    rows,
    promises: [
      { text: 'attacks missed, by seed: none', measured: missed.join(' '), kept: Math.max(...missed) === 0 },
      { text: 'false incidents, by seed: at most 3', measured: wrong.join(' '), kept: Math.max(...wrong) <= 3 },
      {
        text: 'innocents among the named, by seed: at most 5 %',
        measured: innocents.map((share) => `${share.toFixed(0)} %`).join(' '),
        kept: Math.max(...innocents) <= 5,
      },
      ...(single.length === 0
        ? []
        : [
            {
              text: 'median calls until a single account is found: at most 150',
              measured: String(median(single)),
              kept: median(single) <= 150,
            },
          ]),
      ...(split.length === 0
        ? []
        : [
            {
              text: 'at least 90 % of the accounts of each split attack named',
              measured: `least ${(100 * Math.min(...split.map((one) => one.named / one.accounts))).toFixed(0)} %`,
              kept: split.every((one) => one.named >= 0.9 * one.accounts),
            },
          ]),
    ],
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!
}
