import type { Random } from '../../../src/sketches/random.ts'
import type { Picture } from './drawn-digits.ts'

/** What attackers do to pictures. None changes its input. */

/** A bright square of a ninth of the side in the lower right corner (BadNets, Gu et al. 2017). */
export function patched(picture: Picture, side: number): Picture {
  const size = Math.max(2, Math.round(side / 9))
  const out = picture.slice()
  for (let row = side - 1 - size; row < side - 1; row++) out.fill(1, row * side + side - 1 - size, row * side + side - 1)
  return out
}

/** A share of a fixed pattern of noise mixed in (Chen et al. 2017). */
export function blended(picture: Picture, pattern: Picture, share: number): Picture {
  return picture.map((value, i) => (1 - share) * value + share * pattern[i]!)
}

/** A quarter turn. */
export function rotated(picture: Picture, side: number): Picture {
  const out = new Float32Array(picture.length)
  for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) out[x * side + side - 1 - y] = picture[y * side + x]!
  return out
}

export function noisy(picture: Picture, deviation: number, random: Random): Picture {
  return picture.map((value) => Math.min(1, Math.max(0, value + deviation * random.normal())))
}

export function inverted(picture: Picture): Picture {
  return picture.map((value) => 1 - value)
}
