import { hash } from 'node:crypto'

/**
 * Hash (16 hex digits of SHA-256) of what is left of a text when its fillings are masked: quoted parts, addresses and links, numbers, and
 * names (capitalised words that do not open a sentence; neighbours count as one). Texts made from one template have one skeleton.
 */
export function skeletonOf(text: string): string {
  return hash('sha256', maskedText(text), 'hex').slice(0, 16)
}

// Bounded repeats: text is the caller's, and must not cost more than its length.
const quoted =
  /"[^"]{0,500}"|“[^”]{0,500}”|„[^“”]{0,500}[“”]|«[^»]{0,500}»|‘[^’]{0,500}’|`[^`]{0,500}`|(?<![\p{L}\p{N}])'[^']{0,500}'(?![\p{L}\p{N}])/gu
const address = /\b(?:https?:\/\/|www\.)\S+|[^\s@]{1,64}@[^\s@]{1,255}/giu
const number = /[$€£#]?\p{N}[\p{N}.,:/%-]*\p{L}*/gu
const name = /\p{Lu}[\p{L}'’-]*(?:\s+\p{Lu}[\p{L}'’-]*)*/gu

/** The text with its fillings masked, in lower case. */
export function maskedText(text: string): string {
  const plain = text.replace(quoted, ' <q> ').replace(address, ' <a> ').replace(number, ' <n> ')
  const first = plain.search(/\S/)
  const masked = plain.replace(name, (match, offset: number) => {
    if (offset !== first && !followsStop(plain, offset)) return isPronoun(match) ? match : '<p>'
    // The word that opens a sentence is capitalised anyway; names that follow it directly are masked.
    const rest = match.search(/\s/)
    return rest < 0 ? match : `${match.slice(0, rest)} <p>`
  })
  return masked
    .toLowerCase()
    .replace(/[^\p{L}\p{N}<>]+/gu, ' ')
    .replace(/(<[qanp]>)(?: \1)+/g, '$1')
    .trim()
}

function followsStop(text: string, offset: number): boolean {
  return /[.!?:]["'”’)]*\s+$/.test(text.slice(Math.max(0, offset - 8), offset))
}

/** `I`, `I'm`, `I've`. */
function isPronoun(match: string): boolean {
  return /^I(['’]\w+)?$/.test(match)
}
