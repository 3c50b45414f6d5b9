import { hash32, wordsOf } from './hash.ts'

const indexSeed = 0x6b43a9b5
const signSeed = 0x3c6ef372
/** Character n-grams carry spelling, words carry the topic. */
const weights = { word: 1, pair: 0.7, gram: 0.35 }
const gramLength = 4

/**
 * An embedding of a text by the hashing trick (Weinberger et al. 2009): words, pairs of words and character 4-grams, each hashed to one of
 * `dimensions` places with a sign, weighted by 1 + ln(count), normalised to length 1. Deterministic and the same on every machine.
 * A text without a word has no direction: `null`.
 */
export function embeddingOf(text: string, dimensions: number): Float32Array | null {
  const words = wordsOf(text)
  if (words.length === 0) return null
  const counts = new Map<string, number>()
  const add = (feature: string): void => {
    counts.set(feature, (counts.get(feature) ?? 0) + 1)
  }
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    add(`w${word}`)
    if (i > 0) add(`p${words[i - 1]} ${word}`)
    const padded = ` ${word} `
    for (let k = 0; k + gramLength <= padded.length; k++) add(`g${padded.slice(k, k + gramLength)}`)
  }
  const sums = new Float64Array(dimensions)
  for (const [feature, times] of counts) {
    const kind = feature.charCodeAt(0)
    const weight = kind === 119 ? weights.word : kind === 112 ? weights.pair : weights.gram
    const place = hash32(feature, 0, feature.length, indexSeed) % dimensions
    const sign = hash32(feature, 0, feature.length, signSeed) & 1 ? 1 : -1
    sums[place]! += sign * weight * (1 + Math.log(times))
  }
  let square = 0
  for (const sum of sums) square += sum * sum
  if (square === 0) return null
  const length = Math.sqrt(square)
  return Float32Array.from(sums, (sum) => sum / length)
}
