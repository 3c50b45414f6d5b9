import { callsOf, ordinaryPeople } from '../detectors/extraction/examples.ts'
import { createDetection } from '../src/detection/detect.ts'
import { detectors } from '../src/detection/registry.ts'
import { createRandom } from '../src/sketches/random.ts'
import type { CallEvent } from '../src/telemetry/events.ts'
import type { Report } from './support/report.ts'

const dimensions = 96
const promisedMicros = 25
const promisedFresh = 400
const promisedActive = 32 * 1024
const family = detectors.filter(({ category }) => category === 'extraction')

/** Cost of a call for the detectors of extraction in the detect stage, and bytes of state a principal. */
export async function run(): Promise<Report> {
  const calls = embedded(Array.from({ length: 5 }, (_, at) => callsOf(ordinaryPeople(`bench-${at}`), 'bench') as CallEvent[]).flat())
  calls.sort((a, b) => a.time - b.time)
  const each = family.map((definition) => [definition.name, microsOf(calls, [definition])] as const)
  const all = microsOf(calls, family)
  const fresh = bytesOf(9)
  const active = bytesOf(3000)
  return {
    title: `a call of ${dimensions} dimensions`,
    about: `${calls.length} calls of sixty people through the detect stage after a first pass over as many, CPU time of the process.`,
    columns: ['', 'CPU µs a call'],
    rows: [...each.map(([name, micros]) => [name, micros.toFixed(1)]), ['all together', all.toFixed(1)]],
    promises: [
      { text: `at most ${promisedMicros} µs a call`, measured: all.toFixed(1), kept: all <= promisedMicros },
      { text: `at most ${promisedFresh} bytes for a principal of 9 calls`, measured: fresh.toFixed(0), kept: fresh <= promisedFresh },
      { text: 'at most 32 KB for one of 3,000 calls', measured: active.toFixed(0), kept: active <= promisedActive },
    ],
  }
}

function microsOf(calls: readonly CallEvent[], which: typeof family): number {
  const pass = (): number => {
    const detection = createDetection({ seed: 'bench', detectors: which })
    const start = process.cpuUsage()
    for (const call of calls) detection.process(call)
    const { user, system } = process.cpuUsage(start)
    return (user + system) / calls.length
  }
  pass()
  return pass()
}

/** Encoded state of all detectors together, a principal: the difference that a hundred principals more make. */
function bytesOf(calls: number): number {
  const size = (principals: number): number => {
    const detection = createDetection({ seed: 'bench', detectors: family })
    const callers = Array.from({ length: principals }, (_, at) => ({ id: `principal-${at}`, from: 0, to: 20, calls }))
    for (const call of embedded(callsOf(callers, 'bench') as CallEvent[])) detection.process(call)
    return detection.snapshot().length
  }
  return (size(11) - size(1)) / 10
}

function embedded(calls: readonly CallEvent[]): CallEvent[] {
  const random = createRandom('bench/extraction')
  return calls.map((call) => ({ ...call, embedding: Float32Array.from({ length: dimensions }, () => random.normal()) }))
}
