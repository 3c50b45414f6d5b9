import type { CallEvent, Event } from '../telemetry/events.ts'
import type { Keyed } from './contract.ts'

/**
 * How detectors of extraction key a call: by its principal and, beside it, by its authenticated credential, so that rotating a claimed
 * name does not hide the sum.
 *
 * The population is everybody who asks a model of that name in that environment, over all services, although the service is part of a
 * model's identity. One service often has too few principals to be a null of its own (a dozen people give no rank below 1/13), and who
 * steals a model reads it through whichever service answers. Last-resort identities (sessions) form a population of their own:
 * a session's counts mean something else than a person's.
 */
export function principalsOfModel(event: Event): readonly Keyed[] {
  if (event.kind !== 'call') return none
  const { principal, credential } = event
  if (principal === null && credential === null) return none
  const model = modelPopulation(event)
  const keys: Keyed[] = []
  if (principal !== null) {
    const population = principal.lastResort ? `${model}/sessions` : `${model}/principals`
    keys.push({ subject: { kind: 'principal', id: principal.id }, population })
  }
  if (credential !== null) keys.push({ subject: { kind: 'credential', id: credential }, population: `${model}/credentials` })
  return keys
}

/** Environment and name of the model that a call asks. */
export function modelPopulation(event: CallEvent): string {
  return `${event.environment}/${event.model.name}`
}

const none: readonly Keyed[] = []
