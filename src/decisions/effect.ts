import type { DetectorDefinition } from '../detection/contract.ts'
import type { Category } from '../telemetry/events.ts'

/** Whether a score is worth a person's time, however sure it is. */
export type EffectTest = (category: Category, detector: Pick<DetectorDefinition, 'effectFloor'>, score: number) => boolean

/**
 * The detectors' own floors, each times the factor of its category. Scores are natural logarithms of the effect, so a factor is added as its
 * logarithm: 2 asks for twice the effect.
 */
export function effectTest(leastEffect: Readonly<Partial<Record<Category, number>>> = {}): EffectTest {
  return (category, { effectFloor }, score) => score >= effectFloor + Math.log(leastEffect[category] ?? 1)
}
