import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { type Instance, startInstance } from '../../src/stages/instance.ts'
import { otlpTraffic, protobufOf } from '../support/otlp-traffic.ts'

const MB = 2 ** 20

describe('bad input never stops the stream and is never silently dropped', () => {
  let directory: string
  let instance: Instance

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidewatch-bad-'))
    const config = configSchema.parse({
      data: { directory },
      otlp: { http: { port: 0 }, grpc: { enabled: false } },
      server: { port: 0 },
      identity: { hash: false },
      deadLetters: { maxBytes: 1024 },
    })
    instance = await startInstance(config, { log: pino({ level: 'silent' }), version: 'test' })
  })

  afterAll(async () => {
    await instance.stop()
    await rm(directory, { recursive: true, force: true })
  })

  const send = (body: Uint8Array | string, headers: Record<string, string>) =>
    fetch(`${instance.addresses.otlpHttp}/v1/traces`, { method: 'POST', body, headers })
  const protobuf = { 'content-type': 'application/x-protobuf' }
  const json = { 'content-type': 'application/json' }

  it('keeps the reason and the (bounded) bytes of everything that cannot be used, and goes on', async () => {
    const good = protobufOf(otlpTraffic({ now: Date.now(), people: 3 }).requests[0]!)
    const truncated = good.subarray(0, good.length - 7)
    const deep = JSON.parse(`${'{"kvlistValue":{"values":[{"key":"a","value":'.repeat(100)}{"intValue":"1"}${'}]}}'.repeat(100)}`)
    const nested = (key: string) => ({
      resourceSpans: [{ scopeSpans: [{ spans: [{ ...spanBase(), attributes: [...callAttributes(), { key, value: deep }] }] }] }],
    })
    expect((await send(truncated, protobuf)).status).toBe(400)
    expect((await send('{"resourceSpans": [', json)).status).toBe(400)
    expect((await send(Buffer.from('not telemetry at all'), protobuf)).status).toBe(400)
    expect((await send(Buffer.alloc(50 * MB, 32), json)).status).toBe(413)
    expect((await send(gzipSync(Buffer.alloc(200 * MB)), { ...json, 'content-encoding': 'gzip' })).status).toBe(413)
    expect((await send(JSON.stringify(nested('gen_ai.input.messages')), json)).status).toBe(200)
    expect((await send(JSON.stringify(nested('nobody.reads.this')), json)).status).toBe(200)
    expect((await send(good, protobuf)).status).toBe(200)
    await instance.drained()

    const letters = await instance.store.query<{ code: string; reason: string; kept: number; size: number }>(
      'SELECT code, reason, length(base64Decode(bytes_base64)) AS kept, size_bytes AS size FROM dead_letters ORDER BY offset, event_index',
    )
    expect(letters.map(({ code }) => code)).toEqual([
      expect.stringMatching(/^TW_TELEMETRY_(TRUNCATED|MALFORMED)$/),
      'TW_TELEMETRY_MALFORMED',
      'TW_TELEMETRY_MALFORMED',
      'TW_TELEMETRY_TOO_LARGE',
      'TW_TELEMETRY_TOO_LARGE',
      'TW_TELEMETRY_TOO_DEEP',
    ])
    for (const { kept, reason } of letters) {
      expect(kept).toBeGreaterThan(0)
      expect(kept).toBeLessThanOrEqual(1024)
      expect(reason).not.toBe('')
    }
    expect(instance.status()).toMatchObject({ deadLetters: 6, problems: [] })
    const [{ calls }] = (await instance.store.query<{ calls: number }>('SELECT count() AS calls FROM calls')) as [{ calls: number }]
    expect(calls).toBeGreaterThan(1)
  }, 60_000)

  it('clamps what is wrong inside usable calls: wild times, NaN, empty identities, vectors that change their length', async () => {
    const wild = [
      { ...spanBase('a1'), startTimeUnixNano: '1', endTimeUnixNano: '2', attributes: callAttributes() },
      { ...spanBase('a2'), startTimeUnixNano: '4102444800000000000', endTimeUnixNano: '4102444801000000000', attributes: callAttributes() },
      { ...spanBase('a3'), attributes: [...callAttributes('None'), { key: 'gen_ai.request.temperature', value: { doubleValue: 'NaN' } }] },
      { ...spanBase('a4'), attributes: [...callAttributes(), vector(8)] },
      { ...spanBase('a5'), attributes: [...callAttributes(), vector(16)] },
      { ...spanBase('a5'), attributes: callAttributes() },
    ]
    const before = instance.status().events
    expect((await send(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: wild }] }] }), json)).status).toBe(200)
    await instance.drained()
    // The second span of one id is no second call.
    expect(instance.status().events - before).toBe(5)
    const rows = await instance.store.query<{ span_id: string; year: number; principal: string; temperature: number | null }>(
      `SELECT span_id, toYear(time) AS year, principal, request_temperature AS temperature FROM calls WHERE span_id LIKE '%a_' AND startsWith(span_id, '00000000000000') ORDER BY span_id`,
    )
    const byId = new Map(rows.map((row) => [row.span_id.slice(-2), row]))
    const thisYear = new Date().getUTCFullYear()
    for (const id of ['a1', 'a2']) expect(Math.abs(byId.get(id)!.year - thisYear)).toBeLessThanOrEqual(1)
    expect(byId.get('a3')).toMatchObject({ principal: '', temperature: null })
    const metrics = await (await fetch(`${instance.addresses.api}/metrics`)).text()
    expect(metrics).toMatch(/tidewatch_clamped_total\{[^}]*reason="/)
  }, 60_000)
})

it('stops a log whose records are refused one after the other, says why, and is not ready', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidewatch-poisoned-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const config = configSchema.parse({
    data: { directory },
    otlp: { http: { port: 0 }, grpc: { enabled: false } },
    server: { port: 0 },
    deadLetters: { maxRun: 3 },
  })
  const instance = await startInstance(config, { log: pino({ level: 'silent' }), version: 'test' })
  onTestFinished(() => instance.stop())
  const deep = JSON.parse(`${'{"kvlistValue":{"values":[{"key":"a","value":'.repeat(100)}{"intValue":"1"}${'}]}}'.repeat(100)}`)
  const attributes = [...callAttributes(), { key: 'gen_ai.input.messages', value: deep }]
  const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [{ ...spanBase(), attributes }] }] }] })
  for (let sent = 0; sent < 3; sent++) {
    await fetch(`${instance.addresses.otlpHttp}/v1/traces`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
  }
  const ready = async () => await fetch(`${instance.addresses.api}/readyz`)
  await expect.poll(async () => (await ready()).status, { timeout: 20_000 }).toBe(503)
  expect(await (await ready()).text()).toContain('3 refused records in a row')
}, 60_000)

function spanBase(id = 'd1') {
  const now = BigInt(Date.now()) * 1_000_000n
  return {
    traceId: `${id}`.padStart(32, '0'),
    spanId: id.padStart(16, '0'),
    name: 'chat m',
    kind: 2,
    startTimeUnixNano: String(now),
    endTimeUnixNano: String(now + 1_000_000n),
  }
}

function callAttributes(user = 'somebody') {
  return [
    { key: 'gen_ai.operation.name', value: { stringValue: 'chat' } },
    { key: 'gen_ai.request.model', value: { stringValue: 'm' } },
    { key: 'user.id', value: { stringValue: user } },
  ]
}

function vector(length: number) {
  return {
    key: 'tidewatch.input.embedding',
    value: { arrayValue: { values: Array.from({ length }, (_, i) => ({ doubleValue: i / length })) } },
  }
}
