import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { CallEvent, Event } from '../../src/telemetry/events.ts'
import type { JoinWindow } from '../../src/telemetry/join.ts'
import { decodeRequest } from '../../src/telemetry/otlp/decode.ts'
import type { Signal } from '../../src/telemetry/otlp/records.ts'
import { addTally, type Tally } from '../../src/telemetry/tally.ts'
import { calls, mapperWith, origin, toolCalls } from './support.ts'

const data = join(import.meta.dirname, '../../../shared/data')
const dialects = join(data, 'dialects')
const captures = existsSync(dialects) ? readdirSync(dialects).filter((name) => !name.includes('.')) : []
const contentSet = join(data, 'extraction/extraction-text-content-dev')
if (captures.length === 0) console.warn('skipped: no recorded requests under ../shared/data')

const mapper = mapperWith()

function mapBytes(bytes: Uint8Array, signal: Signal | null, offset: number, window?: JoinWindow) {
  return mapper.map(decodeRequest(bytes, { signal, keys: mapper.keys, maxBytes: 50_000_000, maxDepth: 32 }), origin(offset), window)
}

/** All requests of a capture, as one log. */
function mapCapture(directory: string, extension: 'bin' | 'json'): { events: Event[]; ignored: Tally; refused: number } {
  const window = mapper.createWindow()
  const events: Event[] = []
  const ignored: Tally = {}
  let refused = 0
  const files = readdirSync(directory).filter((name) => /^\d+\.\w+\./.test(name) && name.endsWith(extension))
  for (const [offset, file] of files.sort().entries()) {
    const mapped = mapBytes(readFileSync(join(directory, file)), file.split('.')[1] as Signal, offset, window)
    events.push(...mapped.events)
    addTally(ignored, mapped.ignored)
    refused += mapped.refused.length
  }
  events.push(...mapper.flushAll(window).events)
  return { events, ignored, refused }
}

interface ExpectedCall {
  readonly traceId: string
  readonly spanId: string
  readonly step: string
  readonly principal: { readonly id: string; readonly attribute: string } | null
  readonly alsoOk: Readonly<Record<string, { readonly value: unknown }>>
  readonly [field: string]: unknown
}

interface Expected {
  readonly modelCalls: readonly ExpectedCall[]
  readonly toolCalls: readonly { readonly spanId: string; readonly name: string; readonly principal: ExpectedCall['principal'] }[]
  readonly perPrincipal: Readonly<Record<string, number>>
}

function understood(call: CallEvent): Record<string, unknown> {
  const { principal, model, request, tokens } = call
  return {
    principal: principal === null ? null : `${principal.id} (${principal.source})`,
    model: model.name,
    requestModel: call.requestModel,
    provider: call.provider,
    operation: call.operation,
    inputTokens: tokens.input,
    outputTokens: tokens.output,
    maxTokens: request.maxTokens,
    temperature: request.temperature,
    logprobs: request.logprobs,
    topLogprobs: request.topLogprobs,
    logitBiasCount: request.logitBiasCount,
    finishReason: call.finishReason,
    error: call.error,
    errorType: call.errorType,
    stream: call.stream,
  }
}

/** Strings are compared without case and with `-` as `_`. */
function comparable(value: unknown): unknown {
  return typeof value === 'string' ? value.toLowerCase().replaceAll('-', '_') : value
}

function wanted(call: ExpectedCall, field: string): unknown[] {
  if (field === 'principal') return [comparable(call.principal === null ? null : `${call.principal.id} (${call.principal.attribute})`)]
  const also = call.alsoOk[field]
  return [comparable(call[field]), ...(also === undefined ? [] : [comparable(also.value)])]
}

describe.skipIf(captures.length === 0)('what real libraries sent', () => {
  describe.each(captures)('%s', (capture) => {
    const directory = join(dialects, capture)
    const expected = JSON.parse(readFileSync(join(directory, 'expected.json'), 'utf8')) as Expected

    it.each(['bin', 'json'] as const)('gives every call once with what its span says, from .%s', (extension) => {
      const { events, refused } = mapCapture(directory, extension)
      const found = new Map(calls(events).map((call) => [`${call.traceId} ${call.spanId}`, call]))
      expect(refused).toBe(0)
      expect(calls(events)).toHaveLength(expected.modelCalls.length)
      for (const call of expected.modelCalls) {
        const event = found.get(`${call.traceId} ${call.spanId}`)
        expect(event, `${call.step} ${call.spanId}`).toBeDefined()
        for (const [field, value] of Object.entries(understood(event!)))
          expect(wanted(call, field), `${call.step} ${call.spanId} ${field}`).toContainEqual(comparable(value))
      }
      const perPrincipal: Tally = {}
      for (const { principal } of calls(events)) addTally(perPrincipal, { [principal?.id ?? 'None']: 1 })
      expect(perPrincipal).toEqual(expected.perPrincipal)
    })

    it('gives every execution of a tool once', () => {
      const tools = toolCalls(mapCapture(directory, 'bin').events)
      const told = tools.map(({ spanId, tool, principal }) => ({ spanId, name: tool, id: principal?.id, attribute: principal?.source }))
      const meant = expected.toolCalls.map(({ spanId, name, principal }) => ({ spanId, name, ...principal }))
      expect(told.sort((a, b) => (a.spanId < b.spanId ? -1 : 1))).toEqual(meant.sort((a, b) => (a.spanId < b.spanId ? -1 : 1)))
    })

    it('is understood alike from protobuf and JSON', () => {
      expect(mapCapture(directory, 'json')).toEqual(mapCapture(directory, 'bin'))
    })
  })
})

describe.skipIf(!existsSync(`${contentSet}.traces.jsonl.gz`))('two days of calls in six dialects', () => {
  const lines = existsSync(`${contentSet}.traces.jsonl.gz`)
    ? gunzipSync(readFileSync(`${contentSet}.traces.jsonl.gz`))
        .toString()
        .split('\n')
        .filter(Boolean)
    : []

  it('give each call once, whichever request its spans are in, with features of its text', () => {
    const truth = JSON.parse(readFileSync(`${contentSet}.truth.json`, 'utf8')) as {
      events: number
      callsPerDialect: Tally
      principals: number
    }
    const window = mapper.createWindow()
    const events = lines.flatMap((line, offset) => mapBytes(Buffer.from(line), 'traces', offset, window).events)
    events.push(...mapper.flushAll(window).events)
    const found = calls(events)
    const perDialect: Tally = {}
    for (const { dialect } of found) addTally(perDialect, { [dialect]: 1 })
    expect(found).toHaveLength(truth.events)
    expect(perDialect).toEqual(truth.callsPerDialect)
    expect(new Set(found.map(({ principal }) => principal?.id)).size).toBe(truth.principals)
    expect(found.every(({ embedding, fingerprint, skeleton }) => embedding !== null && fingerprint !== null && skeleton !== null)).toBe(
      true,
    )
    expect(found.some(({ possibleDuplicate }) => possibleDuplicate)).toBe(false)
  })
})

describe.skipIf(!existsSync(join(data, 'otlp')))("the Collector's and the Python SDK's own bytes", () => {
  it.each(existsSync(join(data, 'otlp')) ? readdirSync(join(data, 'otlp')) : [])('%s', (file) => {
    const bytes = readFileSync(join(data, 'otlp', file))
    const requests = file.endsWith('.jsonl')
      ? bytes
          .toString()
          .split('\n')
          .filter(Boolean)
          .map((line) => Buffer.from(line))
      : [bytes]
    const events = requests.flatMap((request, offset) => mapBytes(request, 'traces', offset).events)
    expect(calls(events).length).toBeGreaterThan(0)
    for (const call of calls(events))
      expect(call).toMatchObject({ traceId: expect.stringMatching(/^[0-9a-f]{32}$/), principal: expect.anything() })
  })
})
