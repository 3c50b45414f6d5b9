import type { Random } from '../../../src/sketches/random.ts'

/** A picture of `side` times `side` numbers in [0, 1], row by row. */
export type Picture = Float32Array

/** Where pictures of digits come from. */
export interface Digits {
  readonly side: number
  draw(digit: number, hand: Hand, random: Random): Picture
}

/** How somebody writes: in parts of the picture's side. */
export interface Hand {
  readonly slant: number
  readonly stroke: number
}

type Point = readonly [number, number]

/** Strokes of the ten digits in a unit square, y downwards; those that people confuse (1 and 7, 3 and 5, 4 and 9) share most of their way. */
const strokes: readonly (readonly (readonly Point[])[])[] = [
  [arc(0.5, 0.5, 0.28, 0.4, 0, 360)],
  [[[0.35, 0.25], [0.52, 0.1], [0.52, 0.9]]], // biome-ignore format: points
  [[...arc(0.5, 0.32, 0.25, 0.22, 180, 380), [0.25, 0.9], [0.78, 0.9]]],
  [arc(0.45, 0.3, 0.25, 0.2, 200, 450), arc(0.45, 0.7, 0.28, 0.2, 270, 520)],
  [[[0.6, 0.1], [0.25, 0.6], [0.8, 0.6]], [[0.65, 0.35], [0.65, 0.92]]], // biome-ignore format: points
  [[[0.75, 0.1], [0.32, 0.1], [0.3, 0.48]], arc(0.46, 0.67, 0.28, 0.22, 250, 520)], // biome-ignore format: points
  [[...arc(0.62, 0.6, 0.36, 0.5, 280, 190), ...arc(0.5, 0.7, 0.25, 0.2, 180, 540)]],
  [[[0.22, 0.12], [0.78, 0.12], [0.45, 0.9]]], // biome-ignore format: points
  [arc(0.5, 0.3, 0.2, 0.18, 0, 360), arc(0.5, 0.7, 0.25, 0.2, 0, 360)],
  [arc(0.5, 0.32, 0.24, 0.22, 0, 360), [[0.74, 0.32], [0.68, 0.92]]], // biome-ignore format: points
]

/** Digits drawn from strokes, each a little otherwise: size, place, slant, rotation and every point of a stroke vary. */
export function drawnDigits(side = 16): Digits {
  return {
    side,
    draw(digit, { slant, stroke }, random) {
      const scale = 0.85 + 0.1 * random.normal()
      const stretch = 1 + 0.12 * random.normal()
      const lean = slant + 0.15 * random.normal()
      const turn = 0.12 * random.normal()
      const [dx, dy] = [0.05 * random.normal(), 0.05 * random.normal()]
      const width = (stroke * (1 + 0.2 * random.normal())) / 2
      const picture = new Float32Array(side * side)
      for (const line of strokes[digit]!) {
        const points = line.map(([x, y]): Point => {
          const u = (x - 0.5 + 0.03 * random.normal()) * scale * stretch
          const v = (y - 0.5 + 0.03 * random.normal()) * scale
          const leaning = u - lean * v
          return [0.5 + dx + leaning * Math.cos(turn) - v * Math.sin(turn), 0.5 + dy + leaning * Math.sin(turn) + v * Math.cos(turn)]
        })
        for (let i = 1; i < points.length; i++) ink(picture, side, points[i - 1]!, points[i]!, width)
      }
      return picture
    },
  }
}

/** One of the digits, each as likely as its share. */
export function pick(shares: readonly number[], random: Random): number {
  let left = random.uniform() * shares.reduce((sum, share) => sum + share, 0)
  for (const [digit, share] of shares.entries()) {
    left -= share
    if (left < 0) return digit
  }
  return shares.length - 1
}

/** Draws a line: full within its width, fading over one pixel. */
function ink(picture: Picture, side: number, [x0, y0]: Point, [x1, y1]: Point, width: number): void {
  const reach = width + 1 / side
  const length = (x1 - x0) ** 2 + (y1 - y0) ** 2
  const first = (from: number) => Math.max(0, Math.floor((from - reach) * side))
  const last = (to: number) => Math.min(side - 1, Math.ceil((to + reach) * side))
  for (let row = first(Math.min(y0, y1)); row <= last(Math.max(y0, y1)); row++) {
    for (let column = first(Math.min(x0, x1)); column <= last(Math.max(x0, x1)); column++) {
      const [x, y] = [(column + 0.5) / side, (row + 0.5) / side]
      const along = length > 0 ? Math.max(0, Math.min(1, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length)) : 0
      const distance = Math.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0))
      const value = Math.max(0, Math.min(1, (reach - distance) * side))
      const at = row * side + column
      picture[at] = Math.max(picture[at]!, value)
    }
  }
}

/** Points on an ellipse, degrees clockwise from the right. */
function arc(x: number, y: number, rx: number, ry: number, from: number, to: number): Point[] {
  const steps = Math.max(2, Math.round(Math.abs(to - from) / 30))
  return Array.from({ length: steps + 1 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / steps) * Math.PI) / 180
    return [x + rx * Math.cos(angle), y + ry * Math.sin(angle)]
  })
}
