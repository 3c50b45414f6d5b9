import { createHash } from 'node:crypto'
import { type Attributes, metrics } from '@opentelemetry/api'
import { type AnyValueMap, logs, SeverityNumber } from '@opentelemetry/api-logs'
import { type LayerStatistics, layerStatistics } from './layers.ts'
import { partsOf, project, toBase64 } from './project.ts'

export interface TrainingRunOptions {
  /** Numbers of a projected activation or update, a multiple of 4. The same for all clients of a run. */
  readonly size?: number
}

/** One example as the trainer sees it, before the step that learns from it. */
export interface Sample {
  readonly step: number
  /** Who delivered the example. */
  readonly source: string
  readonly shard?: string
  /** `digestOf` the shard's bytes, made anew whenever the shard is read: a shard that changes between epochs is noticed. */
  readonly shardDigest?: string
  readonly id?: string
  readonly label?: string
  readonly predicted?: string
  readonly loss?: number
  /** A layer's answer to the example, for instance the one before the last. */
  readonly layer?: string
  readonly activation?: ArrayLike<number>
}

/** One client's update in one round of federated training, before aggregation. */
export interface Update {
  readonly round: number
  readonly client: string
  /** The update (new weights minus old), whole or as its tensors; only its norm and a projection leave the process. */
  readonly delta: ArrayLike<number> | readonly ArrayLike<number>[]
  /** Examples that the client trained on. */
  readonly samples?: number
}

/** What a training run tells. Log records go to the global logger provider, metrics to the global meter provider. */
export interface TrainingRun {
  sample(sample: Sample): void
  update(update: Update): void
  /** Values of a step; what is absent is not told. */
  progress(step: { readonly loss?: number; readonly gradNorm?: number; readonly accuracy?: number }): void
  /** A layer's answers to a batch, row after row. `saturation`: where its units saturate (0.99 for tanh), if they can. */
  layer(name: string, values: ArrayLike<number>, units: number, saturation?: number): LayerStatistics
}

const instrumentation = 'tidewatch'

/** @param id names the run for good: another attempt is another run. */
export function trainingRun(id: string, { size = 128 }: TrainingRunOptions = {}): TrainingRun {
  const logger = logs.getLogger(instrumentation)
  const gauges = createGauges()
  const emit = (eventName: string, attributes: AnyValueMap) =>
    logger.emit({ eventName, severityNumber: SeverityNumber.INFO, attributes: { 'tidewatch.training.run.id': id, ...attributes } })
  return {
    sample({ step, source, shard, shardDigest, id: sample, label, predicted, loss, layer, activation }) {
      const vector = activation === undefined ? null : project(activation, size)
      emit('tidewatch.training.sample', {
        'tidewatch.training.step': step,
        'tidewatch.training.source': source,
        'tidewatch.training.shard': shard,
        'tidewatch.training.shard.digest': shardDigest,
        'tidewatch.training.sample.id': sample,
        'tidewatch.training.label': label,
        'tidewatch.training.predicted': predicted,
        'tidewatch.training.loss': loss,
        ...(layer === undefined || vector === null
          ? {}
          : { 'tidewatch.activation.layer': layer, 'tidewatch.activation.vector': toBase64(vector) }),
      })
    },

    update({ round, client, delta, samples }) {
      emit('tidewatch.training.update', {
        'tidewatch.training.round': round,
        'tidewatch.training.client': client,
        'tidewatch.training.update.norm': normOf(delta),
        'tidewatch.training.update.sketch': toBase64(project(delta, size)),
        'tidewatch.training.update.samples': samples,
      })
    },

    progress({ loss, gradNorm, accuracy }) {
      gauges.set('tidewatch.training.loss', loss, {})
      gauges.set('tidewatch.training.grad_norm', gradNorm, {})
      gauges.set('tidewatch.training.accuracy', accuracy, {})
    },

    layer(name, values, units, saturation) {
      const statistics = layerStatistics(values, units, saturation ?? null)
      const of = { 'tidewatch.activation.layer': name }
      gauges.add('tidewatch.activation.nonfinite', statistics.nonfinite, of)
      if (statistics.nonfinite < values.length) {
        gauges.set('tidewatch.activation.mean', statistics.mean, of)
        gauges.set('tidewatch.activation.std', statistics.std, of)
        gauges.set('tidewatch.activation.norm', statistics.norm, of)
        gauges.set('tidewatch.activation.zero_ratio', statistics.zeroRatio, of)
        gauges.set('tidewatch.activation.saturated_ratio', statistics.saturatedRatio ?? undefined, of)
      }
      return statistics
    },
  }
}

/** `sha256:<hex>` of a shard's or a model's bytes. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function normOf(delta: Update['delta']): number {
  let sum = 0
  for (const part of partsOf(delta)) for (let i = 0; i < part.length; i++) sum += part[i]! * part[i]!
  return Math.sqrt(sum)
}

type Series = Map<string, { value: number; readonly attributes: Attributes }>

interface Gauges {
  /** The newest value counts. */
  set(name: string, value: number | undefined, attributes: Attributes): void
  /** Values between two collections add up: what happened once must not be overwritten. */
  add(name: string, value: number, attributes: Attributes): void
}

/** Gauges that speak at a collection only if something was said since the last one: a run that pauses is silent, not constant. */
function createGauges(): Gauges {
  const meter = metrics.getMeter(instrumentation)
  const pending = new Map<string, Series>()
  const observed = (name: string): Series => {
    const series: Series = new Map()
    meter.createObservableGauge(name).addCallback((result) => {
      for (const { value, attributes } of series.values()) result.observe(value, attributes)
      series.clear()
    })
    pending.set(name, series)
    return series
  }
  const slot = (name: string, attributes: Attributes) => {
    const series = pending.get(name) ?? observed(name)
    const key = JSON.stringify(attributes)
    let one = series.get(key)
    if (one === undefined) {
      one = { value: 0, attributes }
      series.set(key, one)
    }
    return one
  }
  return {
    set(name, value, attributes) {
      if (value !== undefined) slot(name, attributes).value = value
    },
    add(name, value, attributes) {
      slot(name, attributes).value += value
    },
  }
}
