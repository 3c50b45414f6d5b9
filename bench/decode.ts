import { deepStrictEqual } from 'node:assert/strict'
import { configSchema } from '../src/config/schema.ts'
import { keyedHash } from '../src/telemetry/hasher.ts'
import { createMapper, type Mapper } from '../src/telemetry/map.ts'
import { decodeRequest } from '../src/telemetry/otlp/decode.ts'
import type { OtlpRequest } from '../src/telemetry/otlp/records.ts'
import { adapt, type Decoded } from './rival/adapt.ts'
import { protobufjsStatic } from './rival/generate.ts'
import { type Contenders, compare, type Timing, type Work } from './support/compare.ts'
import { genaiBatches } from './support/genai-batch.ts'
import type { Report } from './support/report.ts'

const spans = 200
const required = 4

type Decode = (bytes: Buffer) => OtlpRequest

function ours({ keys }: Mapper): Decode {
  const options = { signal: 'traces', keys, maxDepth: 32, maxBytes: 16e6 } as const
  return (bytes) => decodeRequest(bytes, options)
}

async function theirs({ keys }: Mapper): Promise<Decode> {
  const { opentelemetry } = await protobufjsStatic()
  const rival = opentelemetry.proto.trace.v1.ExportTraceServiceRequest
  return (bytes) => adapt(rival.decode(bytes) as Decoded, keys)
}

function mapperOfDefaults(): Mapper {
  return createMapper(configSchema.parse({}), keyedHash(Buffer.alloc(32, 7)))
}

const origin = { topic: 'otlp_spans', epoch: 'e', partition: 0, offset: 0, timestampMillis: 0 }

async function work(decoder: (mapper: Mapper) => Decode | Promise<Decode>, mapping: boolean): Promise<Work> {
  const batches = await genaiBatches(32, spans)
  const mapper = mapperOfDefaults()
  const decode = await decoder(mapper)
  const batchOf = (round: number): (typeof batches)[number] => batches[round % batches.length]!
  return {
    prepare: (round) => batchOf(round).refresh(round),
    run: (round) => {
      const request = decode(batchOf(round).bytes)
      return mapping ? mapper.map(request, origin).events : request
    },
  }
}

export const contenders: Contenders = {
  'decode, ours': () => work(ours, false),
  'decode, protobufjs': () => work(theirs, false),
  'events, ours': () => work(ours, true),
  'events, protobufjs': () => work(theirs, true),
}

/** From the bytes of a batch of GenAI spans to events, against protobufjs' static code with the same mapping behind it. */
export async function run(): Promise<Report> {
  const batches = await genaiBatches(32, spans)
  const mapper = mapperOfDefaults()
  // A comparison of different work would be worth nothing. (Their times are doubles of nanoseconds and so not exact; they are left out.)
  const rival = await theirs(mapper)
  for (const { bytes } of batches) deepStrictEqual(withoutTimes(ours(mapper)(bytes)), withoutTimes(rival(bytes)))

  const options = { turns: 30, worksPerTurn: 80, warmUpTurns: 6 }
  const decoding = await compare('decode', ['decode, ours', 'decode, protobufjs'], options)
  const whole = await compare('decode', ['events, ours', 'events, protobufjs'], options)
  const row = (what: string, [our, their]: readonly Timing[]): string[] => [
    what,
    our!.millis.toFixed(2),
    their!.millis.toFixed(2),
    Math.round((spans / our!.millis) * 1000).toLocaleString('en'),
    their!.ratio.toFixed(2),
  ]
  const size = Math.round(batches.reduce((sum, { bytes }) => sum + bytes.length, 0) / batches.length / 1000)
  const ratio = whole[1]!.ratio
  return {
    title: 'a batch of spans to events',
    about: `${spans} GenAI spans of 20 attributes (${size} kB protobuf). Rival: protobufjs' generated static code (64-bit integers as numbers, unknown fields dropped), brought into the same shape, with the same mapping behind it.`,
    columns: ['', 'ours, CPU ms', 'protobufjs, CPU ms', 'ours, spans per CPU second', 'times as fast'],
    rows: [row('decode', decoding), row('decode and map to events', whole)],
    promises: [{ text: `at least ${required} times as fast, mapping included`, measured: ratio.toFixed(2), kept: ratio >= required }],
  }
}

function withoutTimes(request: OtlpRequest): unknown {
  return JSON.parse(JSON.stringify(request, (key, value: unknown) => (key.endsWith('Micros') ? undefined : value)))
}
