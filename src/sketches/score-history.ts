/** Bins of a third of an octave: 42 of them resolve a factor of 16,000 below the highest score. */
const bins = 42
const perOctave = 3
/** Where the tail begins: the highest twentieth, at least five scores. */
const tailShare = 0.05
const tailLeast = 5
/** Histories shorter than this judge nothing. */
export const shortestHistory = 50
/** Older scores lose half their weight when so many were seen. */
const longest = 16_384
/**
 * Prior of the tail: as if ten excesses of mean 0.25 had been seen (a power law with exponent four, the tail of Student's t with four
 * degrees of freedom). Few excesses cannot make a tail light. Values between 4 and 30, and 0.15 and 0.33, change the NAB score by 3.
 */
const priorExcesses = 10
const priorIndex = 0.25

const total = 0
const top = 1
const first = 2

/** Float32 values that a history takes in its block: 176 bytes. */
export const historySize = first + bins

/**
 * p-value of a non-negative score against the scores that the same subject had before, from a histogram of their logarithms that lives
 * in `block` from `at` on. Within the ranks it is the conformal p-value (1 + number of scores at least as high) / (n + 1). Beyond the
 * highest twentieth, at u, the tail is a power law whose index is Hill's (1975) estimate over the m highest scores, not taken for certain:
 * log(s / u) is exponential with a gamma prior on its rate, which predicts p = (m / n) (1 + log(s / u) / (b + sum of excesses))^-(a + m).
 * So a series whose scores are heavy-tailed must show more, and so must one of which little is known. Where fewer scores than m are
 * above zero, u is their median; where none is, the first one has p = 1 / (10 (n + 1)). In (0, 1]; 1 for a score of zero and as long as
 * fewer than 50 are known.
 */
export function historicalP(block: Float32Array, at: number, score: number): number {
  const n = block[at + total]
  if (n < shortestHistory || !(score > 0)) return 1
  const position = perOctave * Math.log2(score)
  const index = block[at + top] - Math.floor(position)
  let m = Math.max(tailLeast, tailShare * n)
  let sum = 0
  let positive = 0
  for (let i = 0; i < bins && positive < m; i++) positive += block[at + first + i]
  if (positive === 0) return 0.1 / (n + 1)
  if (positive < m) m = positive / 2
  // From the highest bin down to where the tail begins; the mean of log(s / u) over the tail.
  let above = 0
  let i = 0
  for (; i < bins - 1; i++) {
    const here = block[at + first + i]
    if (above + here >= m) break
    above += here
    sum += here * (block[at + top] - i + 0.5)
  }
  const here = block[at + first + i]
  const inside = Math.min(1, (m - above) / Math.max(here, 1e-9))
  const begin = block[at + top] - i + 1 - inside
  if (position > begin) {
    sum += (m - above) * (begin + inside / 2)
    const excess = ((sum - m * begin) * Math.LN2) / perOctave
    const excesses = priorExcesses * priorIndex + Math.max(0, excess)
    const own = ((position - begin) * Math.LN2) / perOctave
    return Math.max(1e-300, (m / n) * Math.exp(-(priorExcesses + m) * Math.log1p(own / excesses)))
  }
  let higher = 0
  const last = Math.min(index, bins)
  for (let j = 0; j < last; j++) higher += block[at + first + j]
  if (index < bins) higher += block[at + first + index] * (1 - (position - Math.floor(position)))
  else higher = positive
  return Math.min(1, (1 + higher) / (n + 1))
}

/** Takes a score in. Scores that are not above zero count in the number alone. */
export function learnScore(block: Float32Array, at: number, score: number): void {
  if (block[at + total] >= longest) {
    block[at + total] /= 2
    for (let i = first; i < historySize; i++) block[at + i] /= 2
  }
  const seen = block[at + total]++
  if (!(score > 0)) return
  const position = Math.floor(perOctave * Math.log2(Math.min(score, 1e300)))
  let index = block[at + top] - position
  if (index < 0) index = raise(block, at, position, seen)
  else if (seen === 0 || isEmpty(block, at)) {
    block[at + top] = position
    index = 0
  }
  if (index < bins) block[at + first + index]++
}

/** Moves the bins so that `position` is the highest, as far as the tail's begin allows; gives the index for it. */
function raise(block: Float32Array, at: number, position: number, seen: number): number {
  const m = Math.max(tailLeast, tailShare * seen)
  let cumulated = 0
  let lowest = 0
  for (let i = 0; i < bins && cumulated < m; i++) {
    const here = block[at + first + i]
    if (here > 0) lowest = i
    cumulated += here
  }
  if (cumulated === 0) {
    block[at + top] = position
    return 0
  }
  // One outlier however high must not push what tells ordinary scores apart out of the histogram.
  const shift = Math.min(position - block[at + top], Math.max(0, bins - 5 - lowest))
  if (shift > 0) {
    block.copyWithin(at + first + shift, at + first, at + first + bins - shift)
    block.fill(0, at + first, at + first + shift)
    block[at + top] += shift
  }
  return 0
}

function isEmpty(block: Float32Array, at: number): boolean {
  for (let i = 0; i < bins; i++) if (block[at + first + i] > 0) return false
  return true
}
