import type { ByteReader, ByteWriter } from './bytes.ts'
import { createRandom } from './random.ts'

const depth = 8
const nodes = 2 ** (depth + 1) - 1
/** A tree is grown from so many vectors (Liu et al. 2008: more make masking worse). */
const sampled = 256

/**
 * Isolation forest (Liu, Ting and Zhou 2008) that follows a stream: its trees are replaced one at a time by trees grown on the present
 * sample. A tree is a heap of 511 nodes; the forest has 4.6 kB a tree.
 */
export class IsolationForest {
  readonly #trees: number
  readonly #seed: string
  /** Feature that a node splits on, -1 for a leaf. */
  readonly #features: Int16Array
  /** Where it splits; for a leaf the path's length. */
  readonly #values: Float64Array
  readonly #order = new Uint16Array(sampled)
  #grown = 0

  constructor(trees: number, seed: string) {
    this.#trees = trees
    this.#seed = seed
    this.#features = new Int16Array(trees * nodes).fill(-1)
    this.#values = new Float64Array(trees * nodes)
  }

  /** Trees grown so far, replaced ones included. */
  get grown(): number {
    return this.#grown
  }

  /** Grows the next tree on a sample of vectors of `dimensions` numbers. */
  grow(sample: { readonly count: number; coordinate(slot: number, dimension: number): number }, dimensions: number): void {
    const { count } = sample
    const random = createRandom(`forest/${this.#seed}/${this.#grown}`)
    const order = this.#order
    const taken = Math.min(sampled, count)
    // Selection sampling (Knuth 3.4.2 S).
    for (let i = 0, got = 0; got < taken; i++) if ((count - i) * random.uniform() < taken - got) order[got++] = i
    const base = (this.#grown % this.#trees) * nodes
    const split = (node: number, from: number, to: number, level: number): void => {
      const size = to - from
      let feature = -1
      let low = 0
      let high = 0
      if (size > 1 && level < depth) {
        // Features without spread among these vectors cannot split them; a few tries are enough to find one that can.
        for (let attempt = 0; attempt < 4 && feature < 0; attempt++) {
          const candidate = random.uint32() % dimensions
          low = Number.POSITIVE_INFINITY
          high = Number.NEGATIVE_INFINITY
          for (let i = from; i < to; i++) {
            const x = sample.coordinate(order[i], candidate)
            if (x < low) low = x
            if (x > high) high = x
          }
          if (high > low) feature = candidate
        }
      }
      this.#features[base + node] = feature
      if (feature < 0) {
        this.#values[base + node] = level + averagePath(size)
        return
      }
      const at = low + (high - low) * random.uniform()
      this.#values[base + node] = at
      let middle = from
      for (let i = from; i < to; i++) {
        if (sample.coordinate(order[i], feature) > at) continue
        const one = order[i]
        order[i] = order[middle]
        order[middle++] = one
      }
      split(2 * node + 1, from, middle, level + 1)
      split(2 * node + 2, middle, to, level + 1)
    }
    split(0, 0, taken, 0)
    this.#grown++
  }

  /** Mean length of the paths to `vector`: short for what is easily set apart. NaN before the first tree. */
  path(vector: Float64Array): number {
    const features = this.#features
    const values = this.#values
    const trees = Math.min(this.#trees, this.#grown)
    let sum = 0
    for (let base = 0, end = trees * nodes; base < end; base += nodes) {
      let node = 0
      let feature = features[base]
      while (feature >= 0) {
        node = vector[feature] > values[base + node] ? 2 * node + 2 : 2 * node + 1
        feature = features[base + node]
      }
      sum += values[base + node]
    }
    return sum / trees
  }

  encode(writer: ByteWriter): void {
    const used = Math.min(this.#trees, this.#grown) * nodes
    writer.f64(this.#grown)
    // Features are small integers, exact as float32.
    writer.f32s(Float32Array.from(this.#features.subarray(0, used))).f64s(this.#values.subarray(0, used))
  }

  static decode(reader: ByteReader, trees: number, seed: string): IsolationForest {
    const forest = new IsolationForest(trees, seed)
    forest.#grown = reader.f64()
    const used = Math.min(trees, forest.#grown) * nodes
    forest.#features.set(reader.f32s(used))
    forest.#values.set(reader.f64s(used))
    return forest
  }
}

/** Mean path length of an unsuccessful search in a binary tree of `size`. */
function averagePath(size: number): number {
  if (size <= 1) return 0
  if (size === 2) return 1
  return 2 * (Math.log(size - 1) + 0.5772156649) - (2 * (size - 1)) / size
}
