import type { Keyed } from '../../src/detection/contract.ts'
import type { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { Projection } from '../../src/sketches/projection.ts'
import type { Event, TrainingUpdateEvent } from '../../src/telemetry/events.ts'

/** Sketches with more numbers are projected to so many: cosines keep an error of about 1/sqrt(128). */
const mostDimensions = 128
/** Bound on memory: clients that are counted in one round. */
const mostInRound = 4096
/** Rounds over which an error probability is spread evenly before its remainder is spent on later ones. */
const plannedRounds = 64

/** One client's update in the open round. */
export interface Update {
  readonly client: string
  readonly time: number
  readonly round: number | null
  /** Natural logarithm of the L2 norm; NaN where unknown or zero. */
  readonly logNorm: number
  /** At most 128 numbers; null where none came, or what came was zero, not finite, or of another length than the run's first. */
  readonly sketch: Float32Array | null
}

/** The state of a federated run sees all its clients. */
export function federationOf(event: Event): readonly Keyed[] {
  if (event.kind !== 'trainingUpdate' || event.client === '') return []
  return [{ subject: { kind: 'run', id: event.run }, population: `${event.environment}/${event.run}` }]
}

/**
 * The updates of the round that is open. It closes when a later round's first update comes, in log order; an update that comes late
 * counts where it lands, and one whose client has already spoken in the open round takes the place of the earlier one unless it is older.
 * Runs without round numbers begin a round when a client speaks again. When more than half of the round's clients have spoken again of
 * other rounds, the run was started again or somebody sent an absurd round number, and the round closes too: no single client can do that.
 */
export class UpdateRound {
  /** Length of the run's sketches as they come; 0 until the first. */
  #length = 0
  #projection: Projection | null = null
  #work = new Float64Array(0)
  #out = new Float64Array(0)
  #open: number | null = null
  /** Clients that spoke again, of another round than before. */
  readonly #again = new Set<string>()
  readonly #updates = new Map<string, Update>()

  /** Takes an update in. Gives the updates of the round that it closed, in the order of their clients' first words, or null. */
  add(event: TrainingUpdateEvent): Update[] | null {
    const round = event.round !== null && Number.isFinite(event.round) ? event.round : null
    const earlier = this.#updates.get(event.client)
    let closed: Update[] | null = null
    if (round === null ? earlier !== undefined : this.#open !== null && round > this.#open) closed = this.#close()
    else if (earlier !== undefined && round !== null && earlier.round !== null && round !== earlier.round) {
      this.#again.add(event.client)
      if (2 * this.#again.size > this.#updates.size) closed = this.#close()
      else if (round < earlier.round) return null
    }
    if (this.#updates.size === 0) this.#open = round
    if (this.#updates.size < mostInRound || this.#updates.has(event.client)) this.#updates.set(event.client, this.#updateOf(event, round))
    return closed
  }

  get dimensions(): number {
    return Math.min(this.#length, mostDimensions)
  }

  encode(writer: ByteWriter): void {
    writer
      .u32(this.#length)
      .f64(this.#open ?? Number.NaN)
      .u32(this.#again.size)
    for (const client of this.#again) writer.text(client)
    writer.u32(this.#updates.size)
    for (const { client, time, round, logNorm, sketch } of this.#updates.values()) {
      writer
        .text(client)
        .f64(time)
        .f64(round ?? Number.NaN)
        .f64(logNorm)
        .u8(sketch === null ? 0 : 1)
      if (sketch !== null) writer.f32s(sketch)
    }
  }

  static decode(reader: ByteReader): UpdateRound {
    const read = new UpdateRound()
    const length = reader.u32()
    if (length > 0) read.#prepare(length)
    const open = reader.f64()
    read.#open = Number.isNaN(open) ? null : open
    for (let left = reader.u32(); left > 0; left--) read.#again.add(reader.text())
    for (let left = reader.u32(); left > 0; left--) {
      const client = reader.text()
      const time = reader.f64()
      const round = reader.f64()
      const logNorm = reader.f64()
      const sketch = reader.u8() === 0 ? null : reader.f32s(read.dimensions)
      read.#updates.set(client, { client, time, round: Number.isNaN(round) ? null : round, logNorm, sketch })
    }
    return read
  }

  #close(): Update[] {
    const updates = [...this.#updates.values()]
    this.#updates.clear()
    this.#open = null
    this.#again.clear()
    return updates
  }

  #prepare(length: number): void {
    this.#length = length
    this.#projection = new Projection({ length, most: mostDimensions, seed: 'updates' })
    this.#work = new Float64Array(length)
    this.#out = new Float64Array(this.dimensions)
  }

  #updateOf({ client, time, norm, sketch }: TrainingUpdateEvent, round: number | null): Update {
    const projected = this.#project(sketch)
    const length = norm ?? (projected === null ? 0 : Math.hypot(...projected))
    const logNorm = length > 0 && Number.isFinite(length) ? Math.log(length) : Number.NaN
    return { client, time, round, logNorm, sketch: projected }
  }

  #project(sketch: Float32Array | null): Float32Array | null {
    if (sketch === null || sketch.length === 0) return null
    let squares = 0
    for (const value of sketch) squares += value * value
    if (!(squares > 0 && squares < 1e30)) return null
    if (this.#length === 0) this.#prepare(sketch.length)
    if (sketch.length !== this.#length) return null
    this.#work.set(sketch)
    this.#projection!.project(this.#work, this.#out)
    return Float32Array.from(this.#out)
  }
}

/**
 * Part of an error probability for the n-th look of a run (from 1): the first 64 share nine tenths, later ones the rest in blocks of
 * doubling length, each with half of what is left. All parts sum to at most one.
 */
export function partOfLook(n: number): number {
  if (n <= plannedRounds) return 0.9 / plannedRounds
  const block = Math.floor(Math.log2((n - 1 - plannedRounds) / plannedRounds + 1))
  return (0.1 * 2 ** -(block + 1)) / (plannedRounds * 2 ** block)
}
