import { describe, expect, it } from 'vitest'
import { countUpTo, PValueSizes, type Tests } from '../../bench/support/p-value-sizes.ts'
import { poissonInterval } from '../../bench/support/poisson-interval.ts'
import { createDecisions } from '../../src/decisions/decide.ts'
import type { DetectorDefinition } from '../../src/detection/contract.ts'
import { createDetection } from '../../src/detection/detect.ts'
import { detectors } from '../../src/detection/registry.ts'

const seeds = [1, 2] as const
/** Times as often as stated that small p-values may come. Less often is allowed: the page of results says where that is so. */
const bounds = [
  [0.1, 1.5],
  [0.01, 2],
  [1e-3, 3],
  [1e-4, 3],
] as const

/** What the detector says, and what becomes of it, on its own benign example. */
function testsOf(definition: DetectorDefinition): Tests | undefined {
  const sizes = new PValueSizes()
  const events = definition.example.benign()
  for (const seed of seeds) {
    const detection = createDetection({ seed, detectors: [definition] })
    const decisions = createDecisions({ falseIncidentsPerDay: 1, detectors: [definition] })
    for (const event of events) {
      sizes.event(event, seed)
      for (const observation of detection.process(event))
        sizes.observation(definition, observation, decisions.process(observation).pValue, seed)
    }
  }
  return sizes.tests().get(definition.name)
}

describe('p-values of each detector on its benign example', () => {
  it.each(detectors.map((definition) => [definition.name, definition] as const))(
    '%s: small ones come no more often than stated',
    (_, definition) => {
      const tests = testsOf(definition)
      // Some only speak of what is wrong.
      if (tests === undefined) return
      for (const [p, times] of bounds) {
        const [atLeast] = poissonInterval(countUpTo(tests, p))
        expect(atLeast, `p <= ${p} in ${tests.count} tests`).toBeLessThanOrEqual(times * p * tests.count)
      }
      // Kolmogorov-Smirnov, one-sided at 0.1 %, over what decisions look at; the seeds see the same events, so they count as one sample.
      const above = Math.max(0, ...tests.pValues.filter((p) => p <= 0.1).map((p, i) => (i + 1) / tests.count - p))
      expect(above).toBeLessThan(1.86 / Math.sqrt(tests.count / seeds.length))
    },
  )
})
