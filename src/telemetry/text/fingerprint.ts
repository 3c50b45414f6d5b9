import { hash32, wordsOf } from './hash.ts'

const lowSeed = 0x51ed270b
const highSeed = 0x2c1b3c6d
const shingle = 4

/**
 * SimHash of 64 bits (Charikar 2002) as 16 hex digits: every feature votes on every bit with the bits of its hash. Features are words, pairs of
 * neighbouring words, and shingles of 4 characters, so that a changed word moves few bits. Near-duplicates differ in some 0 to 10 bits,
 * unrelated texts in about 32. Case, punctuation and white space do not count. A text without a word has the fingerprint of zeros.
 */
export function fingerprintOf(text: string): string {
  const votes = new Int32Array(64)
  const words = wordsOf(text)
  const joined = words.join(' ')
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    vote(votes, word, 0, word.length)
    if (i > 0) {
      const pair = `${words[i - 1]} ${word}`
      vote(votes, pair, 0, pair.length)
    }
  }
  for (let i = 0; i + shingle <= joined.length; i++) vote(votes, joined, i, i + shingle)
  return half(votes, 32) + half(votes, 0)
}

function vote(votes: Int32Array, text: string, start: number, end: number): void {
  const low = hash32(text, start, end, lowSeed)
  const high = hash32(text, start, end, highSeed)
  for (let bit = 0; bit < 32; bit++) {
    votes[bit]! += ((low >>> bit) & 1) * 2 - 1
    votes[bit + 32]! += ((high >>> bit) & 1) * 2 - 1
  }
}

function half(votes: Int32Array, from: number): string {
  let bits = 0
  for (let bit = 0; bit < 32; bit++) if (votes[from + bit]! > 0) bits |= 1 << bit
  return (bits >>> 0).toString(16).padStart(8, '0')
}
