import type { ByteReader, ByteWriter } from './bytes.ts'

/** The most neighbours that can be asked for. */
const mostNeighbours = 32

/**
 * Exact nearest neighbours among a bounded sample of vectors, and how near those of the same and of other labels are. The cost of a
 * query is the sample's size times the number of dimensions, whatever the stream's length.
 */
export class Neighbours {
  readonly #dimensions: number
  /** Four vectors side by side: first their first numbers, then their second ones. */
  readonly #vectors: Float64Array
  readonly #halfNorms: Float64Array
  readonly #distances: Float64Array
  readonly #nearest = new Float64Array(mostNeighbours)
  #count = 0
  /** Squared distances to the k-th nearest, and to the second nearest with the same and with another label (infinite: there is none). */
  kth = 0
  same = 0
  other = 0

  /** `capacity` is a multiple of 4. */
  constructor(capacity: number, dimensions: number) {
    this.#dimensions = dimensions
    this.#vectors = new Float64Array(capacity * dimensions)
    this.#halfNorms = new Float64Array(capacity)
    this.#distances = new Float64Array(capacity)
  }

  get count(): number {
    return this.#count
  }

  /** Puts `vector` in place `slot`, at most one behind the last. */
  set(slot: number, vector: Float64Array): void {
    const d = this.#dimensions
    const vectors = this.#vectors
    let norm = 0
    for (let i = 0, at = (slot >> 2) * 4 * d + (slot & 3); i < d; i++, at += 4) {
      const x = vector[i]
      vectors[at] = x
      norm += x * x
    }
    this.#halfNorms[slot] = norm / 2
    if (slot === this.#count) this.#count++
  }

  /** One number of one vector of the sample. */
  coordinate(slot: number, dimension: number): number {
    return this.#vectors[((slot >> 2) * this.#dimensions + dimension) * 4 + (slot & 3)]
  }

  /** Looks for the `k` nearest (1..32) of `vector`; `labels[slot]` are the labels of the sample, null where they do not matter. */
  query(vector: Float64Array, k: number, labels: Uint8Array | null, label: number): void {
    const d = this.#dimensions
    const count = this.#count
    const vectors = this.#vectors
    const halfNorms = this.#halfNorms
    const distances = this.#distances
    let norm = 0
    for (let i = 0; i < d; i++) norm += vector[i] * vector[i]
    const half = norm / 2
    for (let slot = 0, at = 0; slot < count; slot += 4) {
      let a = 0
      let b = 0
      let c = 0
      let e = 0
      for (let i = 0; i < d; i++, at += 4) {
        const x = vector[i]
        a += x * vectors[at]
        b += x * vectors[at + 1]
        c += x * vectors[at + 2]
        e += x * vectors[at + 3]
      }
      distances[slot] = half + halfNorms[slot] - a
      distances[slot + 1] = half + halfNorms[slot + 1] - b
      distances[slot + 2] = half + halfNorms[slot + 2] - c
      distances[slot + 3] = half + halfNorms[slot + 3] - e
    }
    const found = Math.min(k, count)
    this.kth = found === 0 ? 0 : Math.max(0, 2 * this.#smallest(found))
    this.same = Number.POSITIVE_INFINITY
    this.other = Number.POSITIVE_INFINITY
    if (labels !== null) this.#byLabel(labels, label)
  }

  #smallest(k: number): number {
    const nearest = this.#nearest
    nearest.fill(Number.POSITIVE_INFINITY, 0, k)
    let worst = Number.POSITIVE_INFINITY
    for (let slot = 0; slot < this.#count; slot++) {
      const distance = this.#distances[slot]
      if (distance >= worst) continue
      let place = k - 1
      while (place > 0 && nearest[place - 1] > distance) {
        nearest[place] = nearest[place - 1]
        place--
      }
      nearest[place] = distance
      worst = nearest[k - 1]
    }
    return worst
  }

  #byLabel(labels: Uint8Array, label: number): void {
    let same = Number.POSITIVE_INFINITY
    let secondSame = same
    let other = same
    let secondOther = same
    for (let slot = 0; slot < this.#count; slot++) {
      const distance = this.#distances[slot]
      if (labels[slot] === label) {
        if (distance < secondSame) {
          secondSame = Math.max(same, distance)
          same = Math.min(same, distance)
        }
      } else if (distance < secondOther) {
        secondOther = Math.max(other, distance)
        other = Math.min(other, distance)
      }
    }
    this.same = Math.max(0, 2 * secondSame)
    this.other = Math.max(0, 2 * secondOther)
  }

  encode(writer: ByteWriter): void {
    writer.u32(this.#count).f64s(this.#vectors.subarray(0, ((this.#count + 3) >> 2) * 4 * this.#dimensions))
  }

  static decode(reader: ByteReader, capacity: number, dimensions: number): Neighbours {
    const sample = new Neighbours(capacity, dimensions)
    const count = reader.u32()
    sample.#vectors.set(reader.f64s(((count + 3) >> 2) * 4 * dimensions))
    const vector = new Float64Array(dimensions)
    for (let slot = 0; slot < count; slot++) {
      for (let i = 0; i < dimensions; i++) vector[i] = sample.coordinate(slot, i)
      sample.set(slot, vector)
    }
    return sample
  }
}
