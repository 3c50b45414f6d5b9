/** Places that an input's number goes to, one in each quarter of the output. */
const copies = 4

/**
 * Sparse random projection that keeps squared distances in expectation (Kane and Nelson 2014). Places and signs are hashes of the number's
 * index, so that a vector of any length costs no table and everybody who uses one size gets comparable vectors, in any language.
 *
 * @param vector a vector, or the parts of one (the tensors of a model's update), read in order
 * @param size numbers that come out, a multiple of 4; vectors that have no more come out as they are
 */
export function project(vector: ArrayLike<number> | readonly ArrayLike<number>[], size = 128): Float32Array {
  if (size < copies || size % copies !== 0) throw new RangeError(`size must be a multiple of ${copies}, is ${size}`)
  const parts = partsOf(vector)
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  if (length <= size) return Float32Array.from(parts.flatMap((part) => Array.from(part)))
  const block = size / copies
  const sums = new Float64Array(size)
  let index = 0
  for (const part of parts) {
    for (let i = 0; i < part.length; i++, index++) {
      const x = part[i]!
      if (x === 0) continue
      for (let copy = 0; copy < copies; copy++) {
        const hash = mix(index * copies + copy)
        sums[copy * block + ((hash >>> 1) % block)]! += hash & 1 ? x : -x
      }
    }
  }
  const scale = 1 / Math.sqrt(copies)
  return Float32Array.from(sums, (sum) => sum * scale)
}

/** A vector as Tidewatch reads it in an attribute: little-endian float32 in base64. */
export function toBase64(vector: ArrayLike<number>): string {
  const bytes = Buffer.alloc(4 * vector.length)
  for (let i = 0; i < vector.length; i++) bytes.writeFloatLE(vector[i]!, 4 * i)
  return bytes.toString('base64')
}

/** The parts of a vector, itself where it is whole. */
export function partsOf(vector: ArrayLike<number> | readonly ArrayLike<number>[]): readonly ArrayLike<number>[] {
  return Array.isArray(vector) && typeof vector[0] === 'object' ? vector : [vector as ArrayLike<number>]
}

/** The finishing step of murmur3 over the low 32 bits of an index. */
function mix(index: number): number {
  let h = (index + 0x9e3779b9) | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
