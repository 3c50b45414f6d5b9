import { spawnSync } from 'node:child_process'
import { activationOod } from '../detectors/activation/activation-ood.ts'
import { activationShift } from '../detectors/activation/activation-shift.ts'
import { strangeInputs } from '../detectors/activation/strange-inputs.ts'
import { callsOf } from '../detectors/extraction/examples.ts'
import { createDecisions } from '../src/decisions/decide.ts'
import { createDetection } from '../src/detection/detect.ts'
import { LayerModel } from '../src/detection/layer-model.ts'
import { ClassGaussian } from '../src/sketches/class-gaussian.ts'
import { IsolationForest } from '../src/sketches/isolation-forest.ts'
import { Neighbours } from '../src/sketches/neighbours.ts'
import { createRandom } from '../src/sketches/random.ts'
import type { CallEvent } from '../src/telemetry/events.ts'
import type { Report } from './support/report.ts'

const dimensions = 512
const vectors = 4000
const promisedMicros = 60
const promisedBytes = 4 * 2 ** 20
const promisedRatio = 10

/**
 * The same algorithms in Python, one vector at a time as a stream has them: nearest neighbours among 256 vectors of 64 numbers, Mahalanobis
 * distance and an isolation forest of 64 trees (scikit-learn, on which PyOD's rest). For orientation two streaming detectors that
 * are others: half-space trees (River, 10 trees) and LODA (PySAD), of 64 numbers. Prints microseconds a vector and the first values.
 */
const rivals = `
import json, sys, time
import numpy as np
given = json.load(sys.stdin)
sample, queries = np.array(given['sample']), np.array(given['queries'])
out = {}
def timed(name, work, count):
    work(queries[0])
    start = time.process_time()
    got = [work(queries[i]) for i in range(count)]
    out[name] = {'micros': 1e6 * (time.process_time() - start) / count, 'first': [float(g) for g in got[:8]] if got[0] is not None else []}
try:
    from sklearn.neighbors import NearestNeighbors
    knn = NearestNeighbors(n_neighbors=5, algorithm='brute').fit(sample)
    timed('neighbours', lambda q: knn.kneighbors(q[None])[0][0][4], 300)
    from sklearn.ensemble import IsolationForest
    forest = IsolationForest(n_estimators=64, max_samples=256, random_state=1).fit(sample)
    from sklearn.covariance import ShrunkCovariance
    covariance = ShrunkCovariance().fit(sample)
    timed('mahalanobis', lambda q: covariance.mahalanobis(q[None])[0], 300)
    timed('forest', lambda q: -forest.score_samples(q[None])[0], 60)
except ImportError: pass
try:
    from river import anomaly
    hst = anomaly.HalfSpaceTrees(seed=1)
    def learn(q):
        x = dict(enumerate(q.tolist()))
        hst.score_one(x)
        hst.learn_one(x)
    timed('river', learn, 300)
except ImportError: pass
try:
    from pysad.models import LODA
    loda = LODA()
    loda.fit(sample)
    timed('loda', lambda q: loda.fit_score_partial(q), 300)
except Exception: pass
print(json.dumps(out))
`
/** The interpreter that has them; PYTHON names another. */
const python = process.env.PYTHON ?? 'python3'

interface Rival {
  readonly micros: number
  readonly first: readonly number[]
}

/** Cost of an activation vector, of the statistics in it, and of the same ones in Python; memory of a layer. */
export async function run(): Promise<Report> {
  const calls = callsOfLayer()
  const model = new LayerModel(dimensions, 'bench')
  const alone = microsOf(calls, (call) => model.add(call.activation!.vector, null, null))
  const all = [activationOod, strangeInputs, activationShift]
  const detection = createDetection({ seed: 'bench', detectors: all })
  const decisions = createDecisions({ falseIncidentsPerDay: 1, detectors: all })
  const stages = microsOf(calls, (call) => {
    for (const observation of detection.process(call)) decisions.process(observation)
  })
  const bytes = model.encode().length

  const random = createRandom('bench/rivals')
  const draw = (count: number): number[][] => Array.from({ length: count }, () => Array.from({ length: 64 }, () => random.normal()))
  const sample = draw(256)
  const queries = draw(2000)
  const neighbours = new Neighbours(256, 64)
  for (const [slot, vector] of sample.entries()) neighbours.set(slot, Float64Array.from(vector))
  const forest = new IsolationForest(64, 'bench')
  for (let tree = 0; tree < 64; tree++) forest.grow(neighbours, 64)
  const asked = queries.map((query) => Float64Array.from(query))
  const ownNeighbours = microsOf(asked, (query) => neighbours.query(query, 5, null, 0))
  const gaussian = new ClassGaussian(64, 1)
  for (const vector of sample) gaussian.learn(Float64Array.from(vector), 0)
  gaussian.refresh()
  const ownDistance = microsOf(asked, (query) => gaussian.distance(query, 0))
  const ownForest = microsOf(asked, (query) => forest.path(query))
  const theirs = rivalMicros(sample, queries)
  const worst = theirs.neighbours === undefined ? 0 : differenceOf(neighbours, asked, theirs.neighbours.first)

  const row = (what: string, own: number | null, rival: Rival | undefined, name: string): string[] => [
    what,
    own === null ? '' : own.toFixed(1),
    rival === undefined ? 'not there' : `${rival.micros.toFixed(0)} (${name})`,
    own === null || rival === undefined ? '' : `${(rival.micros / own).toFixed(0)} x`,
  ]
  const ratios = [
    theirs.neighbours && theirs.neighbours.micros / ownNeighbours,
    theirs.forest && theirs.forest.micros / ownForest,
    theirs.mahalanobis && theirs.mahalanobis.micros / ownDistance,
  ].filter((ratio) => ratio !== undefined)
  return {
    title: `a vector of ${dimensions} activations`,
    about:
      `${vectors} vectors of one layer after a warm-up of the same length, CPU time of the process. Statistics: 256 vectors of 64 numbers. ` +
      (ratios.length === 0
        ? 'Python has none of the rivals (set PYTHON to an interpreter that has them), so nothing is compared.'
        : `Answers compared: distances of neighbours differ by at most ${worst.toExponential(1)}.`),
    columns: ['', 'CPU µs a vector', 'Python', 'ratio'],
    rows: [
      ['activation-ood, everything in it', alone.toFixed(1), '', ''],
      ['with strange-inputs, activation-shift and the stages', stages.toFixed(1), '', ''],
      row('fifth nearest neighbour', ownNeighbours, theirs.neighbours, 'scikit-learn'),
      row('Mahalanobis distance', ownDistance, theirs.mahalanobis, 'scikit-learn'),
      row('isolation forest of 64 trees', ownForest, theirs.forest, 'scikit-learn'),
      row('another algorithm: half-space trees', null, theirs.river, 'River'),
      row('another algorithm: LODA', null, theirs.loda, 'PySAD'),
      ['state of the layer, bytes', String(bytes), '', ''],
    ],
    promises: [
      { text: `at most ${promisedMicros} µs a vector of ${dimensions} numbers`, measured: alone.toFixed(1), kept: alone <= promisedMicros },
      { text: 'at most 4 MB a layer', measured: `${(bytes / 2 ** 20).toFixed(2)} MB`, kept: bytes <= promisedBytes },
      ...(ratios.length === 0
        ? []
        : [
            {
              text: `at least ${promisedRatio} times as fast as the same algorithm in Python`,
              measured: ratios.map((ratio) => ratio.toFixed(0)).join(', '),
              kept: ratios.every((ratio) => ratio >= promisedRatio),
            },
            { text: 'the same distances', measured: worst.toExponential(1), kept: worst < 1e-6 },
          ]),
    ],
  }
}

/** Rectified activations around twenty centres, of forty accounts. */
function callsOfLayer(): CallEvent[] {
  const random = createRandom('bench/activation')
  const centres = Array.from({ length: 20 }, () => Float64Array.from({ length: dimensions }, () => random.normal()))
  const [plain] = callsOf([{ id: 'x', from: 0, to: 1, calls: 1 }], 'bench') as CallEvent[]
  return Array.from({ length: vectors }, (_, i) => {
    const centre = centres[random.uint32() % centres.length]!
    const vector = Float32Array.from(centre, (value) => Math.max(0, value + random.normal()))
    return {
      ...plain!,
      time: plain!.time + i * 1e6,
      principal: { ...plain!.principal!, id: `sender-${i % 40}` },
      activation: { layer: 'penultimate', vector },
    }
  })
}

function microsOf<T>(inputs: readonly T[], work: (input: T) => void): number {
  for (const input of inputs) work(input)
  const start = process.cpuUsage()
  for (const input of inputs) work(input)
  const { user, system } = process.cpuUsage(start)
  return (user + system) / inputs.length
}

function rivalMicros(
  sample: number[][],
  queries: number[][],
): Partial<Record<'neighbours' | 'mahalanobis' | 'forest' | 'river' | 'loda', Rival>> {
  const input = JSON.stringify({ sample, queries: queries.slice(0, 300) })
  const { status, stdout } = spawnSync(python, ['-W', 'ignore', '-c', rivals], {
    input,
    encoding: 'utf8',
    env: { ...process.env, OMP_NUM_THREADS: '1' },
  })
  return status === 0 ? JSON.parse(stdout) : {}
}

function differenceOf(neighbours: Neighbours, queries: readonly Float64Array[], theirs: readonly number[]): number {
  let worst = 0
  for (const [i, distance] of theirs.entries()) {
    neighbours.query(queries[i]!, 5, null, 0)
    worst = Math.max(worst, Math.abs(Math.sqrt(neighbours.kth) - distance))
  }
  return worst
}
