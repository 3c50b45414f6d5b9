import type { Event } from '../telemetry/events.ts'
import type { Keyed } from './contract.ts'

/**
 * How detectors of activations key a call: by the layer of the very model, in its environment. Another digest (or, where none is told,
 * another version) is another model: its activations mean something else. The subject is the model, which is what people can act upon.
 */
export function layerOf(event: Event): readonly Keyed[] {
  if (event.kind !== 'call' || event.activation === null || event.activation.vector.length === 0) return none
  const { model, activation } = event
  const population = `${event.environment}/${model.name}@${model.digest ?? model.version ?? ''}/${activation.layer}`
  return [{ subject: { kind: 'model', id: model.name }, population }]
}

const none: readonly Keyed[] = []
