type Triple = readonly [number, number, number]

/**
 * Coefficients b that minimise the sum of (y - x . b)^2 over rows x of three numbers (the first is usually 1). A ridge that is tiny
 * beside the data keeps columns that do not vary from making it singular: their coefficient becomes small instead.
 */
export function solve3(rows: readonly Triple[], ys: readonly number[]): [number, number, number] {
  const a = [0, 1, 2].map((i) =>
    [0, 1, 2].map((j) => rows.reduce((sum, row) => sum + row[i] * row[j], i === j ? 1e-6 * (1 + rows.length) : 0)),
  )
  const b = [0, 1, 2].map((i) => rows.reduce((sum, row, at) => sum + row[i] * ys[at], 0))
  for (let pivot = 0; pivot < 3; pivot++) {
    for (let below = pivot + 1; below < 3; below++) {
      const factor = a[below][pivot] / a[pivot][pivot]
      for (let column = pivot; column < 3; column++) a[below][column] -= factor * a[pivot][column]
      b[below] -= factor * b[pivot]
    }
  }
  const x2 = b[2] / a[2][2]
  const x1 = (b[1] - a[1][2] * x2) / a[1][1]
  const x0 = (b[0] - a[0][1] * x1 - a[0][2] * x2) / a[0][0]
  return [x0, x1, x2]
}
