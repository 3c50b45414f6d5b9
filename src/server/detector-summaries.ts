import { detectors } from '../detection/registry.ts'
import type { DetectorSummary } from './deps.ts'

/** Every detector in a few words, and whether it is switched on. */
export function detectorSummaries(disabled: readonly string[]): DetectorSummary[] {
  return detectors.map(({ name, category, version, title, consumes }) => ({
    name,
    category,
    version,
    title,
    consumes,
    enabled: !disabled.includes(name),
  }))
}
