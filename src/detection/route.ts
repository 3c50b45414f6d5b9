import type { DetectorDefinition, Keyed } from './contract.ts'

/**
 * Where a key's state lives. Everything about a principal (or a credential) comes together, over all models; every other state (a run with its
 * sources and clients, a model's layer, a series) has the name of its population, as the detector declares it.
 */
export function routeOf({ subject, population }: Keyed): string {
  return subject.kind === 'principal' || subject.kind === 'credential' ? `${subject.kind}\u0000${subject.id}` : `in\u0000${population}`
}

/** The detector whose keys say where a detector's state lives: who hears another one is where that one is. */
export function leadOf(definition: DetectorDefinition): DetectorDefinition {
  return definition.hears === undefined ? definition : leadOf(definition.hears)
}
