import type { Alert } from '../../src/decisions/alert.ts'
import type { Observation } from '../../src/detection/observation.ts'
import { batchRows } from '../../src/store/rows.ts'
import type { RangeKey, WriteBatch } from '../../src/store/store.ts'
import type { DeadLetter } from '../../src/telemetry/dead-letter.ts'
import type { CallEvent, Event, Position } from '../../src/telemetry/events.ts'

export function rangeOf(topic: string, first: number, last: number): RangeKey {
  return { topic, epoch: 'e', partition: 0, first, last }
}

function at(topic: string, offset: number, index = 0, partition = 0): Position {
  return { topic, epoch: 'e', partition, offset, index }
}

export function call(what: {
  readonly topic: string
  readonly offset: number
  readonly model: string
  readonly partition?: number
  readonly principal?: string
  readonly time?: number
}): CallEvent {
  return {
    kind: 'call',
    position: at(what.topic, what.offset, 0, what.partition),
    time: what.time ?? 1_790_000_000_123_456 + what.offset * 1_000_003,
    service: 'svc',
    environment: 'prod',
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: what.offset.toString(16).padStart(16, '0'),
    durationMicros: 1_234_567,
    dialect: 'genai',
    principal: { id: what.principal ?? 'alice', kind: 'human', source: 'user.id', lastResort: false },
    credential: null,
    links: [
      { kind: 'net', value: '10.1.2.0/24' },
      { kind: 'agent', value: "it's" },
    ],
    model: { name: what.model, version: '1', digest: null, service: 'svc', namespace: '', environment: 'prod' },
    requestModel: null,
    provider: 'openai',
    operation: 'chat',
    tokens: { input: 12, output: null },
    request: { maxTokens: 100, temperature: 0.7, topP: null, logprobs: true, topLogprobs: null, logitBiasCount: 3 },
    prediction: null,
    finishReason: 'stop',
    error: false,
    errorType: null,
    stream: null,
    samplingRatio: 0.25,
    fingerprint: what.offset.toString(16).padStart(16, '0'),
    skeleton: null,
    embedding: new Float32Array(8),
    activation: { layer: 'l1', vector: new Float32Array(4) },
    injectionScore: null,
    conversation: null,
    possibleDuplicate: false,
    content: null,
  }
}

/** One event of every kind and some with values at the edges, at offset 0. */
export function everyEvent(topic: string): Event[] {
  const base = { time: 1_790_000_000_654_321, service: 'trainer', environment: 'prod' }
  const principal = { id: 'bob', kind: null, source: 'session.id', lastResort: true }
  const edge = call({ topic, offset: 0, model: 'm' })
  const prediction = { label: 'cat', confidence: 0.1, margin: Number.NaN, entropy: Number.POSITIVE_INFINITY }
  const point = { ...base, kind: 'metricPoint', metric: 'loss', series: 'loss{a=b}', unit: '1', layer: null, count: 2 } as const
  const gauge = { ...point, pointKind: 'gauge', monotonic: false, temporality: 0 } as const
  const events: Event[] = [
    edge,
    {
      ...edge,
      principal: null,
      prediction,
      tokens: { input: -1, output: 1.5 },
      durationMicros: -5,
      error: true,
      stream: true,
      possibleDuplicate: true,
      links: [],
    },
    {
      ...base,
      kind: 'toolCall',
      position: edge.position,
      traceId: 't',
      spanId: 's',
      durationMicros: 1,
      principal,
      agent: 'agent',
      tool: 'shell',
      conversation: 'c',
      error: true,
      injectionScore: 0.9,
    },
    {
      ...base,
      kind: 'trainingSample',
      position: edge.position,
      run: 'r',
      step: 7,
      source: 'src',
      shard: null,
      shardDigest: null,
      sample: 's1',
      label: 'cat',
      predicted: 'dog',
      loss: Number.NaN,
      activation: null,
    },
    {
      ...base,
      kind: 'trainingUpdate',
      position: edge.position,
      run: 'r',
      round: 3,
      client: 'c9',
      norm: 1e300,
      sketch: null,
      samples: null,
    },
    { ...gauge, position: edge.position, value: Number.NEGATIVE_INFINITY },
    { ...gauge, position: edge.position, value: 0.1 + 0.2 },
    { ...gauge, position: edge.position, value: Number.NaN, time: 0 },
  ]
  return events.map((event, index) => ({ ...event, position: at(topic, 0, index) }))
}

export function observation(): Omit<Observation, 'sketch'> {
  return {
    time: 1_790_000_000_654_321,
    detector: 'volume-breadth',
    category: 'extraction',
    subject: { kind: 'principal', id: 'alice' },
    members: [],
    population: 'prod//svc/m',
    model: 'm',
    service: 'svc',
    environment: 'prod',
    run: null,
    score: 4.5,
    pValue: null,
    ref: 'span',
    traceId: null,
    metric: null,
    events: 64,
    firstSeen: 1_790_000_000_000_000,
    lastSeen: 1_790_000_000_654_321,
    samplingRatio: null,
    evidence: { calls: 64 },
  }
}

export function alert(changes: Partial<Alert> = {}): Alert {
  return {
    id: 'id',
    incident: 'incident',
    status: 'opened',
    time: '2026-11-01T10:00:00.000000Z',
    opened: '2026-11-01T10:00:00.000000Z',
    detector: 'volume-breadth',
    detectors: ['volume-breadth'],
    category: 'extraction',
    severity: 'high',
    title: 'title',
    subject: { kind: 'principal', id: 'alice' },
    members: [{ kind: 'principal', id: 'alice' }],
    model: 'm',
    service: null,
    environment: null,
    run: null,
    window: { start: '2026-11-01T09:00:00.000000Z', end: '2026-11-01T10:00:00.000000Z', events: 10 },
    score: 9.5,
    threshold: 4,
    pValue: 1e-9,
    evidence: { text: 'a "quoted" 中' },
    tags: { atlas: ['AML.T0024'], owasp: [] },
    ...changes,
  }
}

export function batch(range: RangeKey, events: readonly Event[]): WriteBatch {
  return { range, rows: batchRows({ events, deadLetters: [], observations: [], alerts: [], actions: [], deliveries: [] }) }
}

/** A batch of ten offsets from `first` with rows for tables at the beginning, the middle and the end of the order of writing. */
export function sparse(topic: string, first = 0): WriteBatch {
  const events = [0, 1, 2].map((index) => call({ topic, offset: first + index, model: topic }))
  const letter: DeadLetter = {
    ...at(topic, first + 5),
    time: 1_790_000_000_000_000,
    code: 'TW_TELEMETRY_TRUNCATED',
    reason: 'cut',
    signal: 'traces',
    bytes: new Uint8Array([0, 255, 10, 34]),
    size: 4,
  }
  const alerts = [alert({ id: `${topic}-${first}`, incident: `${topic}-${first}`, title: topic })]
  const deliveries = [{ id: `${topic}-${first}`, target: topic, state: 'pending', attempt: 0, created: 1, updated: 1 }]
  return {
    range: rangeOf(topic, first, first + 9),
    rows: batchRows({ events, deadLetters: [letter], observations: [observation()], alerts, actions: [], deliveries }),
  }
}
