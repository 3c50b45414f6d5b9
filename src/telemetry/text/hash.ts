/** 32-bit FNV-1a over UTF-16 code units of a piece of text, then the finaliser of MurmurHash3 (FNV's low bits alone are weak). */
export function hash32(text: string, start: number, end: number, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) | 0
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** The words of a text in lower case: runs of letters and digits of any script. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
}
