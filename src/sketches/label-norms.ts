import type { ByteReader, ByteWriter } from './bytes.ts'

/** Labels that have norms of their own. */
const mostLabels = 64
/** Calls that an average reaches back over, and calls' weight of the norm that holds before anything is known. */
const memory = 2000
const prior = 20

interface Norm {
  count: number
  square: number
  readonly surprise: Float64Array
}

/**
 * What is usual for calls of one label, so that who sends mostly one kind of input is not compared with all kinds: p-values become
 * p^(1/m), m being the label's mean -ln p; vectors are divided by the root mean square of the label's.
 */
export class LabelNorms {
  readonly #pValues: number
  readonly #norms = new Map<string, Norm>()

  constructor(pValues: number) {
    this.#pValues = pValues
  }

  /** Changes a call's p-values (NaN stays) and vector in place by the norm so far, and learns them if it should. */
  adjust(label: string, pValues: Float64Array, vector: Float64Array, learn: boolean): void {
    let norm = this.#norms.get(label)
    if (norm === undefined) {
      if (this.#norms.size >= mostLabels) return
      norm = { count: 0, square: 1, surprise: new Float64Array(this.#pValues).fill(1) }
      this.#norms.set(label, norm)
    }
    if (learn) norm.count++
    const weight = 1 / (Math.min(memory, norm.count) + prior)
    for (let i = 0; i < this.#pValues; i++) {
      if (Number.isNaN(pValues[i])) continue
      const surprise = -Math.log(pValues[i])
      pValues[i] = Math.exp(-surprise / norm.surprise[i])
      if (learn) norm.surprise[i] += weight * (surprise - norm.surprise[i])
    }
    let squared = 0
    const scale = 1 / Math.sqrt(Math.max(norm.square, 1e-9))
    for (let i = 0; i < vector.length; i++) {
      squared += vector[i] * vector[i]
      vector[i] *= scale
    }
    if (!learn) return
    // One outlier is no norm.
    norm.square += weight * (Math.min(squared / Math.max(1, vector.length), 4 * norm.square + 1e-3) - norm.square)
  }

  encode(writer: ByteWriter): void {
    writer.u16(this.#norms.size)
    for (const [label, { count, square, surprise }] of this.#norms) writer.text(label).f64(count).f64(square).f64s(surprise)
  }

  static decode(reader: ByteReader, pValues: number): LabelNorms {
    const norms = new LabelNorms(pValues)
    for (let left = reader.u16(); left > 0; left--) {
      const label = reader.text()
      norms.#norms.set(label, { count: reader.f64(), square: reader.f64(), surprise: reader.f64s(pValues) })
    }
    return norms
  }
}
