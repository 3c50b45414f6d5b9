/** Values in ascending order that come and go. Each change costs a move of what lies above. */
export class SortedValues {
  #values = new Float64Array(64)
  #count = 0

  static of(values: Iterable<number>): SortedValues {
    const sorted = new SortedValues()
    sorted.#values = Float64Array.from(values).sort()
    sorted.#count = sorted.#values.length
    return sorted
  }

  get count(): number {
    return this.#count
  }

  add(value: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(2 * this.#count + 1)
      larger.set(this.#values)
      this.#values = larger
    }
    const at = this.#placeOf(value)
    this.#values.copyWithin(at + 1, at, this.#count++)
    this.#values[at] = value
  }

  /** Takes out one of the values that are equal to `value`; there must be one. */
  remove(value: number): void {
    const at = this.#placeOf(value)
    this.#values.copyWithin(at, at + 1, this.#count--)
  }

  /** All values, ascending, without one that is equal to `value` where there is one. */
  without(value: number | undefined): Float64Array {
    if (value === undefined) return this.#values.slice(0, this.#count)
    const at = this.#placeOf(value)
    const rest = new Float64Array(this.#count - 1)
    rest.set(this.#values.subarray(0, at))
    rest.set(this.#values.subarray(at + 1, this.#count), at)
    return rest
  }

  /** Index of the first value that is at least this one. */
  #placeOf(value: number): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#values[middle] < value) low = middle + 1
      else high = middle
    }
    return low
  }
}
