import { type ExampleSample, ordinarySources, type SampleChange, samplesOf } from '../../../detectors/poisoning/examples.ts'
import type { DetectorDefinition } from '../../../src/detection/contract.ts'
import { createDetection } from '../../../src/detection/detect.ts'
import type { Observation } from '../../../src/detection/observation.ts'
import type { Event } from '../../../src/telemetry/events.ts'

export type Changes = Readonly<Record<string, (sample: ExampleSample) => SampleChange>>

/** What a detector says of the example run with these changes. */
export function said(
  definition: DetectorDefinition,
  changes: Changes,
  edit: (events: Event[]) => Event[] = (events) => events,
): Observation[] {
  const detection = createDetection({ seed: 'test', detectors: [definition] })
  return edit(samplesOf(ordinarySources(), changes)).flatMap((event) => detection.process(event))
}

/** The smallest p-value of each subject, most suspicious first. */
export function suspects(observations: readonly Observation[]): { id: string; pValue: number; observation: Observation }[] {
  const smallest = new Map<string, Observation>()
  for (const observation of observations) {
    const known = smallest.get(observation.subject.id)
    if (observation.pValue !== null && (known === undefined || observation.pValue < known.pValue!))
      smallest.set(observation.subject.id, observation)
  }
  return [...smallest]
    .map(([id, observation]) => ({ id, pValue: observation.pValue!, observation }))
    .sort((a, b) => a.pValue - b.pValue || (a.id < b.id ? -1 : 1))
}

/** The same number from the same words, uniform in [0, 1). */
export { createRandom } from '../../../src/sketches/random.ts'
