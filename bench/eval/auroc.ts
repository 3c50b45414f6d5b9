/** Area under the ROC curve of `positives` against `negatives`: Mann-Whitney with mid-ranks for ties. NaN where one of them is empty. */
export function auroc(positives: readonly number[], negatives: readonly number[]): number {
  const all = [...positives.map((score) => ({ score, positive: 1 })), ...negatives.map((score) => ({ score, positive: 0 }))]
  all.sort((a, b) => a.score - b.score)
  let ranks = 0
  for (let i = 0; i < all.length; ) {
    let j = i
    let inGroup = 0
    while (j < all.length && all[j]!.score === all[i]!.score) inGroup += all[j++]!.positive
    ranks += (inGroup * (i + 1 + j)) / 2
    i = j
  }
  const n = positives.length
  return (ranks - (n * (n + 1)) / 2) / (n * negatives.length)
}
