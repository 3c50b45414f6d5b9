import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import protobuf from 'protobufjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTraffic, type TrafficProgress } from '../../examples/model-service/start.ts'
import { planTraffic } from '../../examples/model-service/traffic.ts'

/** The few fields that the test looks at, numbered as in opentelemetry-proto 1.9. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { repeated ScopeSpans scope_spans = 2; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span { bytes span_id = 2; string name = 5; fixed64 start = 7; fixed64 end = 8; repeated KeyValue attributes = 9; }
  message KeyValue { string key = 1; Value value = 2; }
  message Value { string string_value = 1; int64 int_value = 3; double double_value = 4; }
`)
const requestType = root.lookupType('Request')

interface SeenSpan {
  readonly id: string
  readonly startMs: number
  readonly attributes: ReadonlyMap<string, unknown>
}

interface DecodedSpan {
  readonly spanId: Uint8Array
  readonly start: number
  readonly attributes: readonly { readonly key: string; readonly value: object }[]
}

interface DecodedRequest {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly DecodedSpan[] }[] }[]
}

function spansOf(body: Uint8Array): SeenSpan[] {
  const request = requestType.toObject(requestType.decode(body), { longs: Number, arrays: true }) as DecodedRequest
  return request.resourceSpans
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
    .map(({ spanId, start, attributes }) => ({
      id: Buffer.from(spanId).toString('hex'),
      startMs: start / 1e6,
      attributes: new Map(attributes.map(({ key, value }) => [key, Object.values(value)[0]])),
    }))
}

describe('the simulated model service', () => {
  const now = Date.parse('2026-03-04T15:30:00Z')
  const seen: SeenSpan[] = []
  let server: Server
  let requests = 0
  let refused = 0

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      requests++
      // A receiver under pressure: two batches in a row must wait, later ones go through.
      if (requests === 3 || requests === 4) {
        refused++
        return response.writeHead(503, { 'retry-after': '1' }).end()
      }
      const body = Buffer.concat(chunks)
      seen.push(...spansOf(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body))
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })

  afterAll(() => server.close())

  it('sends all of its past, exactly, to a receiver that makes it wait, then plays live until it is stopped', async () => {
    const stop = new AbortController()
    const progress: TrafficProgress[] = []
    const started = performance.now()
    const traffic = startTraffic({
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      seed: 1,
      now,
      signal: stop.signal,
      onProgress: (step) => {
        progress.push(step)
        if (step.phase === 'live' && step.sent >= 5) stop.abort()
      },
    })
    await traffic.history
    const plan = planTraffic({ seed: 1, now })
    expect(performance.now() - started).toBeLessThan(40_000)
    expect(refused).toBe(2)
    expect(seen).toHaveLength(plan.history.length)
    expect(new Set(seen.map(({ id }) => id)).size).toBe(plan.history.length)
    expect(seen.map(({ startMs }) => Math.round(startMs))).toEqual(plan.history.map(({ at }) => at))
    expect(seen[0].attributes.get('user.id')).toBe(plan.history[0].caller.id)
    expect(seen[0].attributes.get('gen_ai.input.messages')).toContain(plan.history[0].request.prompt.slice(0, 20))
    expect(seen[0].attributes.get('gen_ai.usage.output_tokens')).toBeGreaterThan(0)

    await traffic.done
    expect(progress.at(-1)).toMatchObject({ phase: 'live', total: plan.live.length })
    expect(seen.length).toBeGreaterThan(plan.history.length + 4)
    expect(seen.length).toBeLessThan(plan.history.length + plan.live.length / 2)
  })
})
