import type { Keyed } from '../../src/detection/contract.ts'
import type { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import { hash32 } from '../../src/sketches/random.ts'
import type { Event, TrainingSampleEvent } from '../../src/telemetry/events.ts'

/** Distinct samples a block holds at most. With 32 dimensions that is 600 KB a run. */
const capacity = 8192
/** Where samples have no ids nobody can tell when they come again. */
const capacityWithoutIds = 4096
/** Longer vectors are folded to so many numbers with random signs, which keeps inner products in expectation. */
export const mostDimensions = 64
/** How fast the share of repeats is forgotten, and the share at which an epoch has turned. */
const forget = 1 / 32
const turned = 0.25
/** Samples that may belong to the next epoch already when its turn is noticed. */
const overlap = 64
/**
 * A block is looked at when it has reached half of the last block's size and whenever it has doubled, and when nearly as many samples of
 * deliveries known before have come as the last block had: then what is new in it is nearly all there, too.
 */
const early = 0.5
const nearlyAll = 0.95
const firstLook = 512
/** Parts of a block's error probability for looks before its end, for the look at nearly all of it, and for the one at its end. */
const parts = { early: 0.25, nearlyAll: 0.6, end: 0.15 } as const
const mostNames = 4096
const foldedVector = new Float64Array(mostDimensions)
/** Part of a source's error probability for its first delivery, which has no past to be compared with. */
const firstDelivery = 0.25
/** A cohort with fewer other sources is no reference. */
const leastCompany = 3

/** A delivery of one source: a shard, or all of a source where its samples name no shard. */
export interface Delivery {
  readonly source: number
  readonly name: string
  /** Block in which it was seen first: deliveries of one cohort have been trained on equally often. */
  cohort: number
  /** Place among its source's deliveries, from 1. */
  readonly order: number
  /** Place of its first sample in the block in which it was seen first. */
  first: number
}

/**
 * How detectors of training samples key: one state sees the whole run. A call of the model that a run made belongs to the run; the model's
 * version tells which one that is.
 */
export function runOf(event: Event): readonly Keyed[] {
  if (event.kind === 'call') return event.model.version === null ? [] : [keyOf(event.model.version, event.environment)]
  if (event.kind !== 'trainingSample' || event.source === null) return []
  return [keyOf(event.run, event.environment)]
}

function keyOf(run: string, environment: string): Keyed {
  return { subject: { kind: 'run', id: run }, population: `${environment}/${run}` }
}

/** Folds a vector to the numbers of `out`; values that are not finite are zeros. */
export function fold(vector: Float32Array, out: Float64Array): void {
  const d = out.length
  out.fill(0)
  for (let i = 0; i < vector.length; i++) {
    const value = vector[i]
    // The greatest half-precision number bounds what a broken vector can do.
    const bounded = Number.isFinite(value) ? Math.max(-65504, Math.min(65504, value)) : 0
    out[i % d] += i < d || (Math.imul(i, 0x9e3779b1) & 0x10000) !== 0 ? bounded : -bounded
  }
}

/**
 * The distinct samples that a training run has seen since about one epoch: what can be compared with each other, because it met about
 * the same model, and is independent, because no sample is in it twice. A block ends where samples of it come again (their share among
 * recent events exceeds a quarter), or where it is full. Nothing depends on time or steps.
 */
export class SampleBlock {
  readonly sources: string[] = []
  readonly classes: string[] = []
  readonly deliveries: Delivery[] = []
  /** Block in which each source was seen first. */
  readonly sourceSince: number[] = []
  /** Number of this block, from 0. */
  index = 0
  size = 0
  /** Numbers a vector has; 0 where the block keeps none. */
  dimensions = 0
  source = new Uint16Array(256)
  delivery = new Uint16Array(256)
  label = new Uint16Array(256)
  predicted = new Uint16Array(256)
  loss = new Float32Array(256)
  time = new Float64Array(256)
  hash = new Uint32Array(256)
  /** Vectors in eight bits a number, in units of the vector's scale: far finer than samples of a class scatter. */
  codes = new Int8Array(0)
  scales = new Float32Array(0)
  ids: string[] = []

  readonly #keepsVectors: boolean
  readonly #sourceNumbers = new Map<string, number>()
  readonly #classNumbers = new Map<string, number>()
  /** By source, then by shard. */
  readonly #deliveryNumbers: Map<string, number>[] = []
  readonly #seen = new Set<number>()
  #hasIds = true
  #repeats = 0
  #cut = 0
  #lastSize = 0
  #looked = 0
  /** Looks at the present block so far, and whether one of them saw nearly all of it. */
  #looks = 0
  #sawNearlyAll = false
  /** Samples of the present block that are of deliveries known before it. */
  #known = 0

  constructor(keepsVectors: boolean) {
    this.#keepsVectors = keepsVectors
  }

  /**
   * Takes a sample in. `look` is called when the block should be looked at as it is: in its course, when it is nearly complete, and at its
   * end if it has grown by a tenth since; with the part of a block's error probability that this look may spend.
   */
  add(event: TrainingSampleEvent, look: (part: number) => void): void {
    if (event.source === null) return
    const id = event.sample ?? ''
    const hash = id === '' ? 0 : hash32(id)
    if (id === '') this.#hasIds = false
    const repeated = id !== '' && this.#seen.has(hash)
    this.#repeats += forget * ((repeated ? 1 : 0) - this.#repeats)
    if (this.#repeats < 0.03) this.#cut = this.size
    if (this.#repeats > turned) this.#turn(Math.max(this.#cut, this.size - overlap), look)
    else if (this.size >= (this.#hasIds ? capacity : capacityWithoutIds)) this.#turn(this.size, look)
    else if (repeated) return
    if (id !== '' && this.#seen.has(hash)) return
    this.#append(event, event.source, id, hash)
    const isNearlyAll = this.#lastSize > 0 && !this.#sawNearlyAll && this.#known >= nearlyAll * this.#lastSize
    const isEarly =
      !this.#sawNearlyAll && this.size >= Math.max(this.#lastSize === 0 ? firstLook : early * this.#lastSize, 2 * this.#looked)
    if (!isNearlyAll && !isEarly) return
    this.#looked = this.size
    if (isNearlyAll) this.#sawNearlyAll = true
    look(isNearlyAll ? parts.nearlyAll : parts.early * shareOf(++this.#looks))
  }

  /** Whether so many other sources have deliveries of a cohort that one source can be compared with them. */
  company(): (cohort: number, source: number) => boolean {
    const sources = new Map<number, Set<number>>()
    for (const { cohort, source } of this.deliveries) {
      const known = sources.get(cohort)
      if (known === undefined) sources.set(cohort, new Set([source]))
      else known.add(source)
    }
    return (cohort, source) => {
      const known = sources.get(cohort)
      return known !== undefined && known.size - (known.has(source) ? 1 : 0) >= leastCompany
    }
  }

  /** All vectors, one after another; zeros where a sample has none. */
  vectors(): Float32Array {
    const d = this.dimensions
    const vectors = new Float32Array(this.size * d)
    for (let at = 0; at < this.size; at++) for (let i = at * d; i < (at + 1) * d; i++) vectors[i] = this.codes[i] * this.scales[at]
    return vectors
  }

  #turn(cut: number, look: (part: number) => void): void {
    const moved = this.size - cut
    this.size = cut
    if (cut > 1.1 * this.#looked) look(this.#sawNearlyAll ? parts.end : parts.nearlyAll + parts.end)
    for (const delivery of this.deliveries) {
      if (delivery.cohort !== this.index) continue
      // What came in at the very end came with the new epoch, whose first samples are no repeats where they are fresh.
      if (delivery.first >= cut - overlap) delivery.cohort++
    }
    this.index++
    this.#lastSize = cut
    this.#looked = 0
    this.#looks = 0
    this.#sawNearlyAll = false
    this.#repeats = 0
    this.#seen.clear()
    for (const column of [this.source, this.delivery, this.label, this.predicted, this.loss, this.time, this.hash, this.scales]) {
      column.copyWithin(0, cut, cut + moved)
    }
    this.codes.copyWithin(0, cut * this.dimensions, (cut + moved) * this.dimensions)
    this.ids = this.ids.slice(cut)
    this.size = moved
    this.#cut = moved
    this.#known = 0
    for (let at = 0; at < moved; at++) {
      if (this.deliveries[this.delivery[at]].cohort < this.index) this.#known++
      if (this.ids[at] !== '') this.#seen.add(this.hash[at])
    }
  }

  #append(event: TrainingSampleEvent, sourceName: string, id: string, hash: number): void {
    const at = this.size
    if (at >= this.source.length) this.#grow()
    const source = numberOf(sourceName, this.sources, this.#sourceNumbers)
    if (this.sourceSince.length < this.sources.length) this.sourceSince.push(this.index)
    this.source[at] = source
    this.delivery[at] = this.#deliveryOf(source, event.shard ?? '', at)
    if (this.deliveries[this.delivery[at]].cohort < this.index) this.#known++
    this.label[at] = numberOf(event.label ?? '', this.classes, this.#classNumbers)
    this.predicted[at] = numberOf(event.predicted ?? event.label ?? '', this.classes, this.#classNumbers)
    this.loss[at] = event.loss !== null && Number.isFinite(event.loss) ? event.loss : Number.NaN
    this.time[at] = event.time
    this.hash[at] = hash
    this.ids.push(id)
    if (id !== '') this.#seen.add(hash)
    if (this.#keepsVectors) this.#keep(event.activation?.vector ?? null, at)
    this.size++
  }

  /** Keeps a folded vector; zeros where there is none or it is of another length than the block's. */
  #keep(vector: Float32Array | null, at: number): void {
    if (vector !== null && this.dimensions === 0 && vector.length > 0) {
      this.dimensions = Math.min(mostDimensions, vector.length)
      this.codes = new Int8Array(this.source.length * this.dimensions)
      this.scales = new Float32Array(this.source.length)
    }
    const d = this.dimensions
    if (d === 0) return
    this.codes.fill(0, at * d, (at + 1) * d)
    this.scales[at] = 0
    if (vector === null || Math.min(mostDimensions, vector.length) !== d) return
    const folded = foldedVector.subarray(0, d)
    fold(vector, folded)
    let largest = 0
    for (let i = 0; i < d; i++) largest = Math.max(largest, Math.abs(folded[i]))
    this.scales[at] = largest / 127
    const scale = this.scales[at]
    if (scale > 0) for (let i = 0; i < d; i++) this.codes[at * d + i] = Math.max(-127, Math.min(127, Math.round(folded[i] / scale)))
  }

  #grow(): void {
    const length = 2 * this.source.length
    this.source = grown(this.source, new Uint16Array(length))
    this.delivery = grown(this.delivery, new Uint16Array(length))
    this.label = grown(this.label, new Uint16Array(length))
    this.predicted = grown(this.predicted, new Uint16Array(length))
    this.loss = grown(this.loss, new Float32Array(length))
    this.time = grown(this.time, new Float64Array(length))
    this.hash = grown(this.hash, new Uint32Array(length))
    this.codes = grown(this.codes, new Int8Array(length * this.dimensions))
    this.scales = grown(this.scales, new Float32Array(this.dimensions > 0 ? length : 0))
  }

  #deliveryOf(source: number, shard: string, at: number): number {
    this.#deliveryNumbers[source] ??= new Map()
    const numbers = this.#deliveryNumbers[source]
    let number = numbers.get(shard)
    if (number === undefined) {
      if (this.deliveries.length >= mostNames) return mostNames - 1
      const order = 1 + this.deliveries.reduce((n, delivery) => n + (delivery.source === source ? 1 : 0), 0)
      number = this.deliveries.push({ source, name: shard, cohort: this.index, order, first: at }) - 1
      numbers.set(shard, number)
    }
    return number
  }

  encode(writer: ByteWriter): void {
    writer
      .u32(this.index)
      .u32(this.size)
      .u16(this.dimensions)
      .u8(this.#hasIds ? 1 : 0)
    writer
      .f64(this.#repeats)
      .u32(this.#cut)
      .u32(this.#lastSize)
      .u32(this.#looked)
      .u32(this.#looks)
      .u8(this.#sawNearlyAll ? 1 : 0)
      .u32(this.#known)
    writer.u16(this.sources.length)
    for (const [at, name] of this.sources.entries()) writer.text(name).u32(this.sourceSince[at])
    writer.u16(this.classes.length)
    for (const name of this.classes) writer.text(name)
    writer.u16(this.deliveries.length)
    for (const { source, name, cohort, order, first } of this.deliveries) {
      writer.u16(source).text(name).u32(cohort).u32(order).u32(first)
    }
    for (let at = 0; at < this.size; at++) {
      writer.u16(this.source[at]).u16(this.delivery[at]).u16(this.label[at]).u16(this.predicted[at])
      writer.f64(this.time[at]).text(this.ids[at])
    }
    writer.f32s(this.loss.subarray(0, this.size))
    if (this.dimensions === 0) return
    writer.f32s(this.scales.subarray(0, this.size)).block(new Uint8Array(this.codes.buffer, 0, this.size * this.dimensions))
  }

  static decode(reader: ByteReader, keepsVectors: boolean): SampleBlock {
    const block = new SampleBlock(keepsVectors)
    block.index = reader.u32()
    const size = reader.u32()
    block.dimensions = reader.u16()
    block.#hasIds = reader.u8() === 1
    block.#repeats = reader.f64()
    block.#cut = reader.u32()
    block.#lastSize = reader.u32()
    block.#looked = reader.u32()
    block.#looks = reader.u32()
    block.#sawNearlyAll = reader.u8() === 1
    block.#known = reader.u32()
    for (let left = reader.u16(); left > 0; left--) {
      numberOf(reader.text(), block.sources, block.#sourceNumbers)
      block.sourceSince.push(reader.u32())
    }
    for (let left = reader.u16(); left > 0; left--) numberOf(reader.text(), block.classes, block.#classNumbers)
    for (let left = reader.u16(); left > 0; left--) {
      const source = reader.u16()
      const name = reader.text()
      const [cohort, order, first] = [reader.u32(), reader.u32(), reader.u32()]
      block.#deliveryNumbers[source] ??= new Map()
      block.#deliveryNumbers[source].set(name, block.deliveries.push({ source, name, cohort, order, first }) - 1)
    }
    while (block.source.length < size) block.#grow()
    if (block.dimensions > 0) {
      block.codes = new Int8Array(block.source.length * block.dimensions)
      block.scales = new Float32Array(block.source.length)
    }
    for (let at = 0; at < size; at++) {
      block.source[at] = reader.u16()
      block.delivery[at] = reader.u16()
      block.label[at] = reader.u16()
      block.predicted[at] = reader.u16()
      block.time[at] = reader.f64()
      const id = reader.text()
      block.ids.push(id)
      block.hash[at] = id === '' ? 0 : hash32(id)
      if (id !== '') block.#seen.add(block.hash[at])
    }
    block.loss.set(reader.f32s(size))
    if (block.dimensions > 0) {
      block.scales.set(reader.f32s(size))
      block.codes.set(new Int8Array(reader.block().buffer))
    }
    block.size = size
    return block
  }
}

/**
 * Share of an error probability for the `n`-th (from 1) of a series of tests whose number nobody knows: all shares sum to 1, so that
 * p-values divided by their shares are valid over all tests together. Used for blocks, looks and deliveries.
 */
export function shareOf(n: number): number {
  return 1 / (n * (n + 1))
}

/** Part of a source's error probability for its `order`-th delivery (from 1). */
export function partOfDelivery(order: number): number {
  return order === 1 ? firstDelivery : (1 - firstDelivery) * shareOf(order - 1)
}

function grown<T extends Int8Array | Uint16Array | Uint32Array | Float32Array | Float64Array>(from: T, to: T): T {
  to.set(from as never)
  return to
}

/** Number of a name; all beyond the bound share the last one. */
function numberOf(name: string, names: string[], numbers: Map<string, number>): number {
  let number = numbers.get(name)
  if (number === undefined) {
    if (names.length >= mostNames) return mostNames - 1
    number = names.push(name) - 1
    numbers.set(name, number)
  }
  return number
}
