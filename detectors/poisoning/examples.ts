import { createRandom } from '../../src/sketches/random.ts'
import type { Event, TrainingSampleEvent } from '../../src/telemetry/events.ts'

/** A sample of an example run before it becomes an event: what an attack may change. */
export interface ExampleSample {
  readonly source: string
  readonly shard: string
  readonly index: number
  readonly epoch: number
  readonly label: string
}

/** What a source changes about one of its samples; `shift` is added to the first numbers of the activation, `trueClass` is what the model sees. */
export interface SampleChange {
  readonly label?: string
  readonly shift?: readonly number[]
  readonly digest?: string
  /** The activation is that of the source's sample with this index and the label 0, seen a little later. */
  readonly copyOf?: number
}

export interface ExampleSource {
  readonly id: string
  readonly samples: number
}

const classes = 4
const dimensions = 8
const epochs = 3
/** Where the classes of example runs lie. */
export function classCentres(random = createRandom('example/poisoning')): Float32Array[] {
  return Array.from({ length: classes }, () => Float32Array.from({ length: dimensions }, () => 3 * random.normal()))
}

const start = Date.UTC(2026, 0, 5) * 1000

/** Twelve sources of 50 to 170 samples over four classes, in two shards each. */
export function ordinarySources(): ExampleSource[] {
  return Array.from({ length: 12 }, (_, n) => ({ id: `source-${n}`, samples: 50 + ((n * 37) % 120) }))
}

/**
 * A training run of three epochs, in shuffled order, the same on every run. The first shard of every source is there from the first
 * epoch on, the second from the second. Before it, a dozen runs begin and are given up after one sample.
 */
export function samplesOf(
  sources: readonly ExampleSource[],
  changes: Readonly<Record<string, (sample: ExampleSample) => SampleChange>>,
): Event[] {
  const random = createRandom('example/poisoning')
  const centres = classCentres(random)
  const events: TrainingSampleEvent[] = []
  let time = start
  for (let run = 0; run < 12; run++)
    events.push(eventOf(`given-up-${run}`, { source: 'source-0', shard: 'shard-0', index: run, epoch: 1, label: '0' }, {}, time++))
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const samples: ExampleSample[] = []
    for (const [n, { id, samples: count }] of sources.entries()) {
      for (let index = 0; index < (epoch === 1 ? count : 2 * count); index++) {
        const label = String(createRandom(`example/poisoning/label/${n}/${index}`).uint32() % classes)
        samples.push({ source: id, shard: `shard-${n}-${index < count ? 'a' : 'b'}`, index, epoch, label })
      }
    }
    for (let at = samples.length - 1; at > 0; at--) {
      const other = random.uint32() % (at + 1)
      const sample = samples[at]
      samples[at] = samples[other]
      samples[other] = sample
    }
    for (const sample of samples) {
      time += 50_000
      events.push(eventOf('example-run', sample, changes[sample.source]?.(sample) ?? {}, time, centres))
    }
  }
  return events
}

function eventOf(
  run: string,
  sample: ExampleSample,
  change: SampleChange,
  time: number,
  centres?: readonly Float32Array[],
): TrainingSampleEvent {
  const random = createRandom(`example/poisoning/sample/${sample.source}/${change.copyOf ?? sample.index}`)
  const centre = centres?.[change.copyOf === undefined ? Number(sample.label) : 0] ?? new Float32Array(dimensions)
  const vector = centre.map((value, i) => value + random.normal() + (change.shift?.[i] ?? 0) + 0.1 * sample.epoch)
  // A copy is seen at another step, by a model that has moved a little.
  if (change.copyOf !== undefined) vector[sample.index % dimensions] += 0.1
  const label = change.label ?? (change.copyOf === undefined ? sample.label : '0')
  const confused = random.uniform() < 0.08 / sample.epoch
  const predicted = confused ? String((Number(sample.label) + 1) % classes) : sample.label
  return {
    kind: 'trainingSample',
    position: { topic: 'example', epoch: '0', partition: 0, offset: time, index: 0 },
    time,
    service: 'example-trainer',
    environment: 'production',
    run,
    step: null,
    source: sample.source,
    shard: sample.shard,
    shardDigest: change.digest ?? `sha256:${sample.shard}`,
    sample: `${sample.source}/${sample.index}`,
    label,
    predicted,
    loss: (predicted === label ? 0.3 : 2.5) * (0.5 + random.uniform()),
    activation: { layer: 'example', vector },
  }
}
