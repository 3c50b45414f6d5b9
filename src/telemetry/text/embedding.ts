import { hash32, wordsOf } from './hash.ts'

/** Each kind of feature has hashes of its own. Character n-grams carry spelling, words carry the topic. */
const kinds = {
  word: { seed: 0x6b43a9b5, weight: 1 },
  pair: { seed: 0x3c6ef372, weight: 0.7 },
  gram: { seed: 0x1b873593, weight: 0.35 },
} as const
const gramLength = 4

/**
 * An embedding of a text by the hashing trick (Weinberger et al. 2009): words, pairs of words and character 4-grams, each hashed to one of
 * `dimensions` places with a sign, weighted by 1 + ln(count), normalised to length 1. Deterministic and the same on every machine.
 * A text without a word has no direction: `null`.
 */
export function embeddingOf(text: string, dimensions: number): Float32Array | null {
  const words = wordsOf(text)
  if (words.length === 0) return null
  // A space on both sides: n-grams know where words begin and end, and reach from one into the next.
  const joined = ` ${words.join(' ')} `
  const counts = { word: new Map<number, number>(), pair: new Map<number, number>(), gram: new Map<number, number>() }
  const add = (kind: keyof typeof kinds, start: number, end: number): void => {
    const hash = hash32(joined, start, end, kinds[kind].seed)
    counts[kind].set(hash, (counts[kind].get(hash) ?? 0) + 1)
  }
  let start = 1
  for (let i = 0; i < words.length; i++) {
    const end = start + words[i]!.length
    add('word', start, end)
    if (i > 0) add('pair', start - 1 - words[i - 1]!.length, end)
    start = end + 1
  }
  for (let i = 0; i + gramLength <= joined.length; i++) add('gram', i, i + gramLength)
  const sums = new Float64Array(dimensions)
  for (const kind of ['word', 'pair', 'gram'] as const) {
    const { weight } = kinds[kind]
    for (const [hash, times] of counts[kind]) {
      const value = weight * (1 + Math.log(times))
      sums[(hash >>> 1) % dimensions]! += hash & 1 ? value : -value
    }
  }
  let square = 0
  for (const sum of sums) square += sum * sum
  if (square === 0) return null
  const length = Math.sqrt(square)
  return Float32Array.from(sums, (sum) => sum / length)
}
