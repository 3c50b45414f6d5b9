import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import type { CallEvent } from '../../src/telemetry/events.ts'
import { inTheClear } from '../../src/telemetry/hasher.ts'
import { createMapper } from '../../src/telemetry/map.ts'
import { decodeRequest } from '../../src/telemetry/otlp/decode.ts'
import { hasPython, python } from '../support/python.ts'

const examples = join(import.meta.dirname, '..', '..', 'examples')

/** Runs a program whose exporter sends to a receiver of ours, and gives the calls that Tidewatch makes of what came. */
async function callsOf(program: string, args: readonly string[]): Promise<CallEvent[]> {
  const bodies: Buffer[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    bodies.push(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body)
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await promisify(execFile)(program, args, { env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } })
  } finally {
    server.close()
  }
  const { ingest, ...config } = configSchema.parse({})
  const mapper = createMapper({ ...config, ingest }, inTheClear)
  return bodies.flatMap((body, offset) => {
    const request = decodeRequest(body, { signal: 'traces', keys: mapper.keys, maxDepth: ingest.maxDepth, maxBytes: ingest.maxRecordBytes })
    const mapped = mapper.map(request, { topic: 'otlp_spans', epoch: '', partition: 0, offset, timestampMillis: 0 })
    expect(mapped.refused).toEqual([])
    return mapped.events as CallEvent[]
  })
}

describe.each([
  ['JavaScript', process.execPath, join(examples, 'javascript', 'inference.mjs'), true],
  ['Python', python, join(examples, 'python', 'inference.py'), hasPython],
] as const)('the %s example', (_, program, script, present) => {
  it.skipIf(!present)('sends calls that Tidewatch understands in full', async () => {
    const calls = await callsOf(program, [script])
    expect(calls).toHaveLength(2)
    for (const call of calls) {
      expect(call).toMatchObject({
        kind: 'call',
        service: 'my-model-service',
        operation: 'chat',
        principal: { id: 'user-42', source: 'user.id', lastResort: false },
        model: { name: 'my-model' },
        tokens: { input: expect.any(Number), output: expect.any(Number) },
        request: { temperature: 0.7 },
        finishReason: 'stop',
        error: false,
        fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
        content: null,
      })
      expect(call.embedding).not.toBeNull()
    }
  })
})
