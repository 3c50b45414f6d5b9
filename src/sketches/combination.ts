/**
 * One p-value of several dependent ones: the Cauchy combination test (Liu and Xie 2020), truncated at 1/2 so that a test that sees
 * nothing cannot outvote one that does (Fang et al. 2023). In the tail its level holds under arbitrary correlation of the tests.
 * `totalWeight` is that of all tests that could have spoken; those that did not count as having seen nothing.
 */
export function combine(tests: readonly { readonly pValue: number; readonly weight: number }[], totalWeight: number): number {
  let sum = 0
  let weights = 0
  for (const { pValue, weight } of tests) {
    const bounded = Math.min(0.5, Math.max(1e-15, pValue))
    // For small p the cotangent keeps its digits: tan((1/2 - p) pi) = 1 / tan(p pi).
    sum += weight / Math.tan(bounded * Math.PI)
    weights += weight
  }
  const statistic = sum / Math.max(totalWeight, weights)
  if (!(statistic > 0)) return 0.5
  return Math.atan(1 / statistic) / Math.PI
}
