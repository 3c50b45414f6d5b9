import { createRandom } from '../../src/sketches/random.ts'
import type { Event, TrainingUpdateEvent } from '../../src/telemetry/events.ts'

/** What a client changes about its honest update of a round. */
export interface UpdateChange {
  readonly scale?: number
  /** Added to the client's pull before its norm is taken. */
  readonly pull?: readonly number[]
}

const clients = 24
const dimensions = 16
const start = Date.UTC(2026, 0, 5) * 1000

/**
 * Twenty rounds of a federation of 24 clients that are not alike, the same on every run. An update is the common direction, which fades,
 * plus the client's own pull, which stays, plus noise; nine in ten clients take part in a round. Before it, a dozen runs are given up
 * after one update.
 */
export function federationExample(
  changes: Readonly<Record<string, (round: number) => UpdateChange>>,
  seed = 'example/federation',
  rounds = 20,
): Event[] {
  const random = createRandom(seed)
  const normals = (): number[] => Array.from({ length: dimensions }, () => random.normal())
  const common = normals()
  const pulls = Array.from({ length: clients }, normals)
  const sizes = Array.from({ length: clients }, () => Math.exp(0.3 * random.normal()))
  const events: Event[] = []
  let time = start
  for (let run = 0; run < 12; run++) events.push(updateEvent(`given-up-${run}`, 0, 'client-0', normals(), time++))
  for (let round = 0; round < rounds; round++) {
    for (let n = 0; n < clients; n++) {
      const noise = normals()
      if (random.uniform() < 0.1) continue
      const id = `client-${n}`
      const { scale = 1, pull = [] } = changes[id]?.(round) ?? {}
      const fade = 1 / (1 + 0.2 * round)
      const update = noise.map((value, i) => scale * sizes[n] * (fade * common[i] + 0.7 * pulls[n][i] + 0.5 * value + (pull[i] ?? 0)))
      time += 2_000_000
      events.push(updateEvent('example-run', round, id, update, time))
    }
  }
  return events
}

function updateEvent(run: string, round: number, client: string, update: readonly number[], time: number): TrainingUpdateEvent {
  return {
    kind: 'trainingUpdate',
    position: { topic: 'example', epoch: '0', partition: 0, offset: time, index: 0 },
    time,
    service: 'example-federation',
    environment: 'production',
    run,
    round,
    client,
    norm: Math.hypot(...update),
    sketch: Float32Array.from(update),
    samples: null,
  }
}
