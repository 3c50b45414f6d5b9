import type { ByteReader, ByteWriter } from './bytes.ts'
import { studentTail } from './normal.ts'

/** Deviations beyond this count as if they lay there: what is far out must not make everything ordinary. */
const farthest = 8
/** What is expected before anything was seen: excess kurtosis of Student's t with six degrees of freedom, worth so many values. */
const priorKurtosis = 3
const priorValues = 100

/**
 * How heavy the tail of standardised deviations is: Student's t with the degrees of freedom that their kurtosis gives (excess 6 / (freedom - 4)).
 * Training is unsteady by itself: an honest update that is thrice as long as usual is nothing rare in some federations, and unheard of in others.
 */
export class HeavyTail {
  #values = 0
  #squares = 0
  #fourths = 0

  /** p-value of so high a deviation; `most` degrees of freedom at most. */
  pValue(deviation: number, most: number): number {
    return studentTail(deviation, Math.min(most, this.freedom))
  }

  get freedom(): number {
    const variance = (this.#squares + priorValues) / (this.#values + priorValues)
    const fourth = (this.#fourths + priorValues * (3 + priorKurtosis)) / (this.#values + priorValues)
    const excess = fourth / (variance * variance) - 3
    return excess > 0 ? 4 + 6 / excess : Number.POSITIVE_INFINITY
  }

  add(deviation: number): void {
    if (!Number.isFinite(deviation)) return
    const squared = Math.min(farthest, Math.abs(deviation)) ** 2
    this.#values++
    this.#squares += squared
    this.#fourths += squared * squared
  }

  encode(writer: ByteWriter): void {
    writer.f64(this.#values).f64(this.#squares).f64(this.#fourths)
  }

  static decode(reader: ByteReader): HeavyTail {
    const tail = new HeavyTail()
    tail.#values = reader.f64()
    tail.#squares = reader.f64()
    tail.#fourths = reader.f64()
    return tail
  }
}
