import { activationOf } from './call.ts'
import { F } from './dialects.ts'
import { type Draft, numberOf, rawOf, textOf } from './draft.ts'
import type { Position, TrainingSampleEvent, TrainingUpdateEvent } from './events.ts'
import type { Tally } from './tally.ts'
import { parseVector } from './vector.ts'

export const sampleEvent = 'tidewatch.training.sample'
export const updateEvent = 'tidewatch.training.update'

/** Why a record that claims to be a sample or an update cannot be one; null where it can. */
export function trainingProblem(draft: Draft, eventName: string): string | null {
  if (textOf(draft, F.run) === null) return `${eventName} without tidewatch.training.run.id`
  if (eventName === updateEvent && textOf(draft, F.client) === null) return `${eventName} without tidewatch.training.client`
  return null
}

/** One example that the trainer saw. The draft is settled and has a run. */
export function trainingSample(draft: Draft, position: Position, clamped: Tally): TrainingSampleEvent {
  return {
    kind: 'trainingSample',
    position,
    time: draft.time,
    service: draft.origin.service,
    environment: draft.origin.environment,
    run: textOf(draft, F.run)!,
    step: numberOf(draft, F.step),
    source: textOf(draft, F.source),
    shard: textOf(draft, F.shard),
    shardDigest: textOf(draft, F.shardDigest),
    sample: textOf(draft, F.sample),
    label: textOf(draft, F.sampleLabel),
    predicted: textOf(draft, F.samplePredicted),
    loss: numberOf(draft, F.loss),
    activation: activationOf(draft, clamped),
  }
}

/** One client's update in one federated round. The draft has a run and a client. */
export function trainingUpdate(draft: Draft, position: Position, maxVectorLength: number, clamped: Tally): TrainingUpdateEvent {
  return {
    kind: 'trainingUpdate',
    position,
    time: draft.time,
    service: draft.origin.service,
    environment: draft.origin.environment,
    run: textOf(draft, F.run)!,
    round: numberOf(draft, F.round),
    client: textOf(draft, F.client)!,
    norm: numberOf(draft, F.updateNorm),
    sketch: parseVector(rawOf(draft, F.updateSketch), maxVectorLength, clamped),
    samples: numberOf(draft, F.updateSamples),
  }
}
