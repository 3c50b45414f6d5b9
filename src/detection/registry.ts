import { activationOod } from '../../detectors/activation/activation-ood.ts'
import { activationShift } from '../../detectors/activation/activation-shift.ts'
import { layerHealth } from '../../detectors/activation/layer-health.ts'
import { strangeInputs } from '../../detectors/activation/strange-inputs.ts'
import { coordinatedAccounts } from '../../detectors/extraction/coordinated-accounts.ts'
import { probeParameters } from '../../detectors/extraction/probe-parameters.ts'
import { queryShift } from '../../detectors/extraction/query-shift.ts'
import { syntheticQueries } from '../../detectors/extraction/synthetic-queries.ts'
import { volumeAndBreadth } from '../../detectors/extraction/volume-and-breadth.ts'
import { backdoorActivation } from '../../detectors/poisoning/backdoor-activation.ts'
import { backdoorTrigger } from '../../detectors/poisoning/backdoor-trigger.ts'
import { labelFlip } from '../../detectors/poisoning/label-flip.ts'
import { provenance } from '../../detectors/poisoning/provenance.ts'
import { sourceDrift } from '../../detectors/poisoning/source-drift.ts'
import { sybilUpdates } from '../../detectors/poisoning/sybil-updates.ts'
import { updateOutlier } from '../../detectors/poisoning/update-outlier.ts'
import { seriesAnomaly } from '../../detectors/signal/series-anomaly.ts'
import { seriesSilence } from '../../detectors/signal/series-silence.ts'
import { TidewatchError } from '../errors.ts'
import type { DetectorDefinition } from './contract.ts'

/** Every detector, in the order in which an event meets them. */
export const detectors: readonly DetectorDefinition[] = [
  volumeAndBreadth as DetectorDefinition,
  probeParameters as DetectorDefinition,
  queryShift as DetectorDefinition,
  syntheticQueries as DetectorDefinition,
  coordinatedAccounts as DetectorDefinition,
  activationOod as DetectorDefinition,
  strangeInputs as DetectorDefinition,
  activationShift as DetectorDefinition,
  layerHealth as DetectorDefinition,
  seriesAnomaly as DetectorDefinition,
  seriesSilence as DetectorDefinition,
  provenance as DetectorDefinition,
  labelFlip as DetectorDefinition,
  backdoorActivation as DetectorDefinition,
  backdoorTrigger as DetectorDefinition,
  sourceDrift as DetectorDefinition,
  updateOutlier as DetectorDefinition,
  sybilUpdates as DetectorDefinition,
]

/** The detectors that are switched on. Throws TW_DETECTOR_UNKNOWN for a name that no detector has. */
export function enabledDetectors(disabled: readonly string[] = []): readonly DetectorDefinition[] {
  for (const name of disabled) detectorNamed(name)
  return detectors.filter((definition) => !disabled.includes(definition.name))
}

/** Throws TW_DETECTOR_UNKNOWN. */
export function detectorNamed(name: string): DetectorDefinition {
  const found = detectors.find((definition) => definition.name === name)
  if (found === undefined) throw new TidewatchError('TW_DETECTOR_UNKNOWN', name)
  return found
}
