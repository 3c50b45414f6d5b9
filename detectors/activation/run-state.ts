import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { readDoubles, readSparse, writeDoubles, writeSparse } from '../../src/sketches/sparse-floats.ts'
import { type StepLook, stepBlockSize, stepScalarCount } from '../../src/sketches/step-score.ts'
import type { Category, Subject } from '../../src/telemetry/events.ts'
import { type Quantity, quantityOf } from './quantities.ts'

/** One quantity of a run: a series with its own past. */
export interface Track {
  readonly series: string
  readonly metric: string
  readonly layer: string | null
  readonly quantity: Quantity
  readonly block: Float32Array
  readonly scalars: Float64Array
  readonly look: StepLook
  value: number
  /** p-value of the newest step in the direction of harm. */
  pValue: number
  /** First step of the present run of strange ones, -1 when there is none. */
  since: number
  reported: boolean
  time: number
}

/** One thing that is wrong with a run, whatever number of series it moves. */
export interface Fault {
  readonly category: Category
  readonly subject: Subject
  members: Subject[]
  readonly began: number
  readonly firstStep: number
  /** Last step at which something was strange, and very strange. */
  lastStep: number
  lastStrong: number
  /** Smallest p-value of a step so far. */
  pValue: number
  /** Points (exact faults) or steps behind it. */
  events: number
}

export interface RunState {
  readonly tracks: Map<string, Track>
  step: number
  /** The series that spoke last, and the one that spoke last in the step before: when it speaks, a step is over. */
  latest: string
  closing: string
  time: number
  /** Usual time from step to step, microseconds. */
  interval: number
  fault: Fault | null
  /** The fault of values that are not finite. */
  broken: Fault | null
}

export function createRun(): RunState {
  return { tracks: new Map(), step: 0, latest: '', closing: '', time: 0, interval: 0, fault: null, broken: null }
}

export function createTrack(series: string, metric: string, layer: string | null, quantity: Quantity): Track {
  return {
    series,
    metric,
    layer,
    quantity,
    block: new Float32Array(stepBlockSize),
    scalars: new Float64Array(stepScalarCount),
    look: { rise: 1, fall: 1, expected: 0 },
    value: 0,
    pValue: 1,
    since: -1,
    reported: false,
    time: 0,
  }
}

export function encodeRun(state: RunState): Uint8Array {
  const { tracks, step, latest, closing, time, interval, fault, broken } = state
  const writer = new ByteWriter(1024).f64(step).text(latest).text(closing).f64(time).f64(interval)
  writer.text(JSON.stringify([fault, broken])).u32(tracks.size)
  for (const track of tracks.values()) {
    writer.text(track.series).text(track.metric).text(JSON.stringify(track.layer))
    writer.f64(track.look.rise).f64(track.look.fall).f64(track.look.expected)
    writer.f64(track.value).f64(track.pValue).f64(track.since).f64(track.time)
    writer.u8(track.reported ? 1 : 0)
    writeSparse(writer, track.block)
    writeDoubles(writer, track.scalars)
  }
  return writer.finish()
}

export function decodeRun(bytes: Uint8Array): RunState {
  const reader = new ByteReader(bytes)
  const state = createRun()
  state.step = reader.f64()
  state.latest = reader.text()
  state.closing = reader.text()
  state.time = reader.f64()
  state.interval = reader.f64()
  const [fault, broken] = JSON.parse(reader.text()) as [Fault | null, Fault | null]
  state.fault = fault
  state.broken = broken
  for (let left = reader.u32(); left > 0; left--) {
    const series = reader.text()
    const metric = reader.text()
    const track = createTrack(series, metric, JSON.parse(reader.text()) as string | null, quantityOf(metric)!)
    track.look.rise = reader.f64()
    track.look.fall = reader.f64()
    track.look.expected = reader.f64()
    track.value = reader.f64()
    track.pValue = reader.f64()
    track.since = reader.f64()
    track.time = reader.f64()
    track.reported = reader.u8() === 1
    readSparse(reader, track.block)
    readDoubles(reader, track.scalars)
    state.tracks.set(series, track)
  }
  return state
}
