/** Deterministic pseudo-random numbers (xoshiro128**, Blackman and Vigna 2018), seeded by a text. */
export interface Random {
  /** Uniform over 0..2^32-1. */
  uint32(): number
  /** Uniform in [0, 1) with 32 bits. */
  uniform(): number
  /** Standard normal (Box-Muller). */
  normal(): number
  /** +1 or -1. */
  sign(): 1 | -1
}

/** Equal seeds give equal sequences on every platform. */
export function createRandom(seed: string): Random {
  let a = hash32(seed, 0x9e3779b9)
  let b = hash32(seed, 0x243f6a88)
  let c = hash32(seed, 0xb7e15162)
  let d = hash32(seed, 0xdeadbeef) | 1
  const uint32 = (): number => {
    const product = Math.imul(b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0
    const t = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = (d << 11) | (d >>> 21)
    return result
  }
  const uniform = (): number => uint32() / 4294967296
  return {
    uint32,
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    sign: () => (uint32() & 1 ? 1 : -1),
  }
}

/** 32-bit hash of a text (FNV-1a over UTF-16 units, finished by murmur3's mixer). Not for adversaries. */
export function hash32(text: string, seed = 0): number {
  let h = (2166136261 ^ seed) | 0
  for (let i = 0; i < text.length; i++) {
    h ^= text.charCodeAt(i)
    h = Math.imul(h, 16777619)
  }
  h ^= h >>> 16
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
