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
  const low = new BitVotes()
  const high = new BitVotes()
  const vote = (feature: string, start: number, end: number): void => {
    low.add(hash32(feature, start, end, lowSeed))
    high.add(hash32(feature, start, end, highSeed))
  }
  const words = wordsOf(text)
  const joined = words.join(' ')
  let start = 0
  for (let i = 0; i < words.length; i++) {
    const end = start + words[i]!.length
    vote(joined, start, end)
    if (i > 0) vote(joined, start - 1 - words[i - 1]!.length, end)
    start = end + 1
  }
  for (let i = 0; i + shingle <= joined.length; i++) vote(joined, i, i + shingle)
  return high.majority() + low.majority()
}

/** Counts set bits at 32 places at once: `planes[k]` holds bit k of the 32 counters, so that adding is a ripple of carries. */
class BitVotes {
  // 24 planes count to 16 million; a text has fewer than 50,000 features.
  readonly #planes = new Int32Array(24)
  #added = 0

  add(bits: number): void {
    this.#added++
    let carry = bits | 0
    for (let k = 0; carry !== 0; k++) {
      const plane = this.#planes[k]!
      this.#planes[k] = plane ^ carry
      carry &= plane
    }
  }

  /** The places where more than half of what was added had a 1, as 8 hex digits. */
  majority(): string {
    let bits = 0
    for (let place = 0; place < 32; place++) {
      let ones = 0
      for (let k = 0; k < this.#planes.length; k++) ones += ((this.#planes[k]! >>> place) & 1) << k
      if (ones * 2 > this.#added) bits |= 1 << place
    }
    return (bits >>> 0).toString(16).padStart(8, '0')
  }
}
