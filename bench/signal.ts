import { spawnSync } from 'node:child_process'
import { gauge } from '../detectors/signal/examples.ts'
import { seriesAnomaly } from '../detectors/signal/series-anomaly.ts'
import { createDecisions } from '../src/decisions/decide.ts'
import { createDetection } from '../src/detection/detect.ts'
import { createRandom } from '../src/sketches/random.ts'
import type { MetricPointEvent } from '../src/telemetry/events.ts'
import type { Report } from './support/report.ts'

/** River's Half-Space Trees over windows of eight lags, with the defaults of its paper. */
const river = `
import json, sys, time
from river import anomaly, compose, preprocessing
series = json.load(sys.stdin)
model = lambda: compose.Pipeline(preprocessing.MinMaxScaler(), anomaly.HalfSpaceTrees(n_trees=25, height=8, window_size=250, seed=42))
start, points = time.process_time(), 0
for values in series:
    m, lags = model(), [values[0]] * 8
    for v in values:
        lags = [v] + lags[:-1]
        x = {str(i): l for i, l in enumerate(lags)}
        m.score_one(x)
        m.learn_one(x)
        points += 1
print(1e6 * (time.process_time() - start) / points)
`
/** The interpreter that has River; PYTHON names another. */
const python = process.env.PYTHON ?? 'python3'
const promisedMicros = 3
const promisedRatio = 10

/** Cost of a point of a series: the detector alone, the stages around it, memory of 100,000 series; and of River's Half-Space Trees. */
export async function run(): Promise<Report> {
  const series = 2000
  const rounds = 200
  const events = pointsOf(series)
  const detector = seriesAnomaly.build('bench')
  const states = Array.from({ length: series }, () => detector.create())
  const alone = microsOf(series, rounds, (round, which) => detector.update(states[which]!, events(round, which)))
  const detection = createDetection({ seed: 'bench', detectors: [seriesAnomaly] })
  const decisions = createDecisions({ falseIncidentsPerDay: 1, detectors: [seriesAnomaly] })
  const stages = microsOf(series, rounds, (round, which) => {
    for (const observation of detection.process(events(round, which))) decisions.process(observation)
  })
  const bytes = memoryOf(100_000)
  const theirs = riverMicros()
  const row = (what: string, micros: number): string[] => [what, micros.toFixed(2), Math.round(1e6 / micros).toLocaleString('en')]
  return {
    title: 'a point of a series',
    about:
      `${series} series with a daily rhythm, ${rounds} points each after a warm-up of the same length, CPU time of the process. ` +
      (theirs === null
        ? 'River is not there (set PYTHON to an interpreter that has it), so nothing is compared.'
        : 'Rival: HalfSpaceTrees of River, 25 trees of height 8, over eight lags.'),
    columns: ['', 'CPU µs a point', 'points a second'],
    rows: [
      row('series-anomaly alone', alone),
      row('detect and decide stages around it', stages),
      ...(theirs === null ? [] : [row('River HalfSpaceTrees', theirs)]),
      ['memory of a series, bytes', bytes.toFixed(0), ''],
    ],
    promises: [
      { text: `at most ${promisedMicros} µs a point`, measured: alone.toFixed(2), kept: alone <= promisedMicros },
      { text: 'state of at most 3 KB a series', measured: `${stateBytes()} bytes`, kept: stateBytes() <= 3072 },
      ...(theirs === null
        ? []
        : [
            {
              text: `at least ${promisedRatio} times as fast as River`,
              measured: (theirs / alone).toFixed(0),
              kept: theirs / alone >= promisedRatio,
            },
          ]),
    ],
  }
}

function stateBytes(): number {
  const state = seriesAnomaly.build('bench').create() as { values: { block: Float32Array; scalars: Float64Array } }
  return state.values.block.byteLength + state.values.scalars.byteLength
}

/** Heap and buffers that so many series take, each. */
function memoryOf(series: number): number {
  const used = (): number => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
  const detector = seriesAnomaly.build('bench')
  const before = used()
  const states = Array.from({ length: series }, () => detector.create())
  const bytes = (used() - before) / series
  return states.length === series ? bytes : 0
}

function microsOf(series: number, rounds: number, work: (round: number, which: number) => void): number {
  for (let round = 0; round < rounds; round++) for (let which = 0; which < series; which++) work(round, which)
  const start = process.cpuUsage()
  for (let round = rounds; round < 2 * rounds; round++) for (let which = 0; which < series; which++) work(round, which)
  const { user, system } = process.cpuUsage(start)
  return (user + system) / (series * rounds)
}

/** Points made on the fly; one object is changed again and again, because nobody keeps it. */
function pointsOf(series: number): (round: number, which: number) => MetricPointEvent {
  const random = createRandom('bench/series')
  const noise = Float64Array.from({ length: 65_536 }, () => random.normal())
  const names = Array.from({ length: series }, (_, which) => `queue.length{shard=${which}}`)
  const point = { ...gauge('queue.length', 0, 0) }
  return (round, which) => {
    const value = 10 * Math.sin(round / 100) + noise[(round * series + which) & 65_535]!
    return Object.assign(point, { time: 1.7e15 + 60e6 * round, series: names[which]!, value })
  }
}

function riverMicros(): number | null {
  const random = createRandom('bench/river')
  const series = Array.from({ length: 4 }, () => Array.from({ length: 2000 }, (_, i) => 10 * Math.sin(i / 100) + random.normal()))
  const { status, stdout } = spawnSync(python, ['-c', river], { input: JSON.stringify(series), encoding: 'utf8' })
  return status === 0 ? Number(stdout) : null
}
