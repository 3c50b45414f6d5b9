import { digestName, provenanceAgainst } from '../../detectors/poisoning/provenance.ts'
import type { Config } from '../config/schema.ts'
import type { DetectorDefinition } from './contract.ts'
import { enabledDetectors } from './registry.ts'

/** The detectors that a configuration switches on, knowing what it tells them. Throws TW_DETECTOR_UNKNOWN for a name that no detector has. */
export function configuredDetectors({ decisions, poisoning }: Pick<Config, 'decisions' | 'poisoning'>): readonly DetectorDefinition[] {
  const enabled = enabledDetectors(decisions.disabled)
  const { billOfMaterials } = poisoning
  if (billOfMaterials === undefined) return enabled
  const provenance = provenanceAgainst(new Set(billOfMaterials.map(digestName))) as DetectorDefinition
  return enabled.map((definition) => (definition.name === provenance.name ? provenance : definition))
}
