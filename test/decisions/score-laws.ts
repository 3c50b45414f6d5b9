import { normalTail } from '../../src/sketches/normal.ts'
import type { Random } from '../../src/sketches/random.ts'

/** What benign scores may be drawn from, with the exact chance of a score above another. */
export interface ScoreLaw {
  draw(random: Random): number
  beyond(score: number): number
}

const unit = (random: Random): number => 1 - random.uniform()
const exponential = (random: Random): number => -Math.log(unit(random))

/** P(T > t) with three degrees of freedom. */
function student3(t: number): number {
  return 0.5 - (Math.atan(t / Math.sqrt(3)) + (Math.sqrt(3) * t) / (t * t + 3)) / Math.PI
}

function pareto(power: number): ScoreLaw {
  return { draw: (random) => unit(random) ** (-1 / power), beyond: (score) => (score <= 1 ? 1 : score ** -power) }
}

const positive = {
  exponential: { draw: exponential, beyond: (score) => Math.exp(-Math.max(0, score)) },
  'log-normal': { draw: (random) => Math.exp(random.normal()), beyond: (score) => (score <= 0 ? 1 : normalTail(Math.log(score))) },
  'Pareto, power 3': pareto(3),
  'Pareto, power 2': pareto(2),
  'gamma, shape 2': {
    draw: (random) => exponential(random) + exponential(random),
    beyond: (score) => (1 + Math.max(0, score)) * Math.exp(-Math.max(0, score)),
  },
  bounded: { draw: unit, beyond: (score) => Math.min(1, Math.max(0, 1 - score)) },
} as const satisfies Record<string, ScoreLaw>

const t3: ScoreLaw = {
  draw: (random) => random.normal() / Math.sqrt((random.normal() ** 2 + random.normal() ** 2 + random.normal() ** 2) / 3),
  beyond: student3,
}

/** Scores as the contract wants them: logarithms of effects. The logarithm of a log-normal effect is the normal one. */
export const logarithmic: Readonly<Record<string, ScoreLaw>> = {
  ...Object.fromEntries(
    Object.entries(positive).map(([name, { draw, beyond }]) => [
      `ln(${name})`,
      { draw: (random: Random) => Math.log(draw(random)), beyond: (score: number) => beyond(Math.exp(score)) },
    ]),
  ),
  "ln|Student's t, 3|": { draw: (random) => Math.log(Math.abs(t3.draw(random))), beyond: (score) => 2 * student3(Math.exp(score)) },
}

/** Scores with no logarithm taken. */
export const plain: Readonly<Record<string, ScoreLaw>> = { ...positive, "Student's t, 3": t3 }
