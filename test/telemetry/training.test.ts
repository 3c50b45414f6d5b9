import { describe, expect, it } from 'vitest'
import type { Event } from '../../src/telemetry/events.ts'
import type { LogRecord, MetricPointRecord } from '../../src/telemetry/otlp/records.ts'
import { seriesName } from '../../src/telemetry/series.ts'
import { type Attributes, attributeList, mapperWith, noon, origin, scopeRecords } from './support.ts'

const mapper = mapperWith()

function mapLog(eventName: string, attributes: Attributes): Event[] {
  const log: LogRecord = {
    timeMicros: 0,
    observedMicros: noon,
    eventName,
    traceId: '',
    spanId: '',
    attributes: attributeList(mapper.keys, attributes),
  }
  return mapper.map({ signal: 'logs', scopes: [scopeRecords(mapper.keys, { logs: [log] })], clamped: {} }, origin()).events
}

const sample = {
  'tidewatch.training.run.id': 'run-1',
  'tidewatch.training.step': 7,
  'tidewatch.training.source': 'src-1',
  'tidewatch.training.shard': 'shard-1',
  'tidewatch.training.shard.digest': 'sha256:aa',
  'tidewatch.training.sample.id': 'x1',
  'tidewatch.training.label': 4,
  'tidewatch.training.predicted': '2',
  'tidewatch.training.loss': 2.25,
  'tidewatch.activation.layer': 'penultimate',
  'tidewatch.activation.vector': [1, 2],
}

describe('training', () => {
  it.each<[string, string, Attributes]>([
    ['field eventName', 'tidewatch.training.sample', sample],
    ['attribute event.name', '', { ...sample, 'event.name': 'tidewatch.training.sample' }],
  ])('samples are told by the %s', (_, eventName, attributes) => {
    expect(mapLog(eventName, attributes)).toEqual([
      {
        kind: 'trainingSample',
        position: { topic: 'otlp_spans', epoch: '1', partition: 0, offset: 0, index: 0 },
        time: noon,
        service: 'shop',
        environment: 'prod',
        run: 'run-1',
        step: 7,
        source: 'src-1',
        shard: 'shard-1',
        shardDigest: 'sha256:aa',
        sample: 'x1',
        label: '4',
        predicted: '2',
        loss: 2.25,
        activation: { layer: 'penultimate', vector: Float32Array.of(1, 2) },
      },
    ])
  })

  it('updates of federated clients are read', () => {
    const update = {
      'tidewatch.training.run.id': 'fed-1',
      'tidewatch.training.round': 3,
      'tidewatch.training.client': 'client-1',
      'tidewatch.training.update.norm': 1.5,
      'tidewatch.training.update.sketch': Buffer.from(Float32Array.of(0.5, -0.5).buffer).toString('base64'),
      'tidewatch.training.update.samples': 214,
    }
    expect(mapLog('tidewatch.training.update', update)).toMatchObject([
      { kind: 'trainingUpdate', run: 'fed-1', round: 3, client: 'client-1', norm: 1.5, sketch: Float32Array.of(0.5, -0.5), samples: 214 },
    ])
  })
})

describe('metrics', () => {
  const point = (more: Partial<MetricPointRecord>): MetricPointRecord => ({
    metric: 'tidewatch.activation.mean',
    unit: '1',
    kind: 'gauge',
    monotonic: false,
    temporality: 0,
    startMicros: 0,
    timeMicros: noon,
    value: 0.5,
    count: null,
    labels: [],
    ...more,
  })
  const mapPoints = (points: readonly MetricPointRecord[]) =>
    mapper.map({ signal: 'metrics', scopes: [scopeRecords(mapper.keys, { points })], clamped: {} }, origin())

  it('name a series by its sorted attributes, without braces where it has none', () => {
    expect(seriesName('a.b', [])).toBe('a.b')
    expect(
      seriesName('a.b', [
        ['z', '1'],
        ['b', '2'],
        ['a', ''],
      ]),
    ).toBe('a.b{a=,b=2,z=1}')
  })

  it('become points with their layer; values that are not finite stay as they are', () => {
    const { events, clamped } = mapPoints([
      point({ labels: [['tidewatch.activation.layer', 'fc2']], value: Number.NaN }),
      point({ metric: 'requests', kind: 'sum', monotonic: true, temporality: 2, value: Number.POSITIVE_INFINITY }),
      point({ metric: 'latency', kind: 'histogram', value: 12, count: 3 }),
    ])
    expect(events).toMatchObject([
      {
        kind: 'metricPoint',
        series: 'tidewatch.activation.mean{tidewatch.activation.layer=fc2}',
        layer: 'fc2',
        value: Number.NaN,
        service: 'shop',
      },
      { series: 'requests', layer: null, pointKind: 'sum', monotonic: true, temporality: 2, value: Number.POSITIVE_INFINITY },
      { pointKind: 'histogram', value: 12, count: 3 },
    ])
    expect(clamped).toEqual({})
  })

  it('without a time are refused', () => {
    expect(mapPoints([point({ timeMicros: 0 })])).toMatchObject({ events: [], refused: [{ code: 'TW_TELEMETRY_UNUSABLE' }] })
  })
})
