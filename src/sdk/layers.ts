/** How a layer is over one batch of inputs. Of values that are not finite only `nonfinite` speaks. */
export interface LayerStatistics {
  /** Mean and standard deviation over all values. */
  readonly mean: number
  readonly std: number
  /** Mean L2 norm of an input's activation. */
  readonly norm: number
  /** Share of values that are zero. */
  readonly zeroRatio: number
  /** Share of values at or beyond `saturation`; null where the layer cannot saturate. */
  readonly saturatedRatio: number | null
  /** Values that are NaN or infinite. */
  readonly nonfinite: number
}

/**
 * @param values activations of a batch, row after row
 * @param units values a row
 * @param saturation where units are saturated: 0.99 for tanh; null for layers that cannot
 */
export function layerStatistics(values: ArrayLike<number>, units: number, saturation: number | null = null): LayerStatistics {
  if (units < 1 || values.length === 0 || values.length % units !== 0)
    throw new RangeError(`${values.length} values are no rows of ${units} units`)
  let count = 0
  let mean = 0
  let squares = 0
  let zeros = 0
  let saturated = 0
  let norms = 0
  for (let row = 0; row < values.length; row += units) {
    let sum = 0
    for (let i = row; i < row + units; i++) {
      const x = values[i]!
      if (!Number.isFinite(x)) continue
      count++
      // Welford: the spread of large values that differ little survives.
      const away = x - mean
      mean += away / count
      squares += away * (x - mean)
      sum += x * x
      if (x === 0) zeros++
      if (saturation !== null && Math.abs(x) >= saturation) saturated++
    }
    norms += Math.sqrt(sum)
  }
  return {
    mean,
    std: count === 0 ? 0 : Math.sqrt(squares / count),
    norm: norms / (values.length / units),
    zeroRatio: count === 0 ? 0 : zeros / count,
    saturatedRatio: saturation === null ? null : count === 0 ? 0 : saturated / count,
    nonfinite: values.length - count,
  }
}
