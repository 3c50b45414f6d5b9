import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { inspectCommand } from '../../src/cli/inspect.ts'

const text = (value: string) => ({ stringValue: value })
const attributes = (pairs: Record<string, object>) => Object.entries(pairs).map(([key, value]) => ({ key, value }))

/** A request with one span; `id` also makes its trace. */
function request(id: string, pairs: Record<string, object>, more: object = {}): string {
  const span = {
    traceId: '0a'.repeat(16),
    spanId: id.padStart(16, '0'),
    name: 'chat m',
    kind: 3,
    startTimeUnixNano: '1795996800000001000',
    endTimeUnixNano: '1795996800500001000',
    attributes: attributes(pairs),
    ...more,
  }
  const resource = { attributes: attributes({ 'service.name': text('shop') }) }
  return JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'test' }, spans: [span] }] }] })
}

const chat = { 'gen_ai.operation.name': text('chat'), 'gen_ai.provider.name': text('openai'), 'gen_ai.request.model': text('m') }
let directory = ''

afterAll(() => rm(directory, { recursive: true, force: true }))

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidewatch-inspect-'))
  const spans = [
    request('a1', {
      ...chat,
      'user.id': text('alice'),
      'gen_ai.usage.input_tokens': { intValue: '18' },
      'gen_ai.request.max_tokens': { intValue: '1' },
    }),
    '{"resourceSpans": [',
    request('b2', { ...chat, 'gen_ai.request.temperature': { doubleValue: 'NaN' } }, { parentSpanId: 'c3'.padStart(16, '0') }),
  ]
  await writeFile(join(directory, 'one.traces.jsonl'), `${spans.join('\n')}\n`)
  await writeFile(join(directory, 'two.traces.jsonl.gz'), gzipSync(`${request('c3', { ...chat, 'enduser.id': text('bob') })}\n`))
  await writeFile(
    join(directory, 'three.traces.json'),
    request('d4', { 'gen_ai.operation.name': text('execute_tool'), 'gen_ai.tool.name': text('get_weather') }),
  )
})

afterEach(() => {
  vi.restoreAllMocks()
})

/** What the command writes to stdout. */
async function inspect(files: readonly string[], ...options: string[]): Promise<string[]> {
  let written = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    written += String(chunk)
    return true
  })
  const paths = files.map((file) => join(directory, file))
  await inspectCommand()
    .exitOverride()
    .parseAsync([...paths, ...options], { from: 'user' })
  return written.trimEnd().split('\n')
}

const all = ['one.traces.jsonl', 'two.traces.jsonl.gz', 'three.traces.json']

describe('tidewatch inspect --json', () => {
  it('writes one event a line, several files being one stream, and what was refused with its reason', async () => {
    const lines = (await inspect(all, '--json')).map((line) => JSON.parse(line))
    expect(lines).toEqual([
      {
        kind: 'call',
        time: '2026-11-30T00:00:00.000001Z',
        traceId: '0a'.repeat(16),
        spanId: '00000000000000a1',
        dialect: 'genai-1.37',
        principal: { id: 'alice', kind: null, source: 'user.id' },
        model: { name: 'm', version: null, digest: null },
        provider: 'openai',
        operation: 'chat',
        tokens: { input: 18, output: null },
        request: { maxTokens: 1, temperature: null, topP: null, logprobs: null, topLogprobs: null, logitBiasCount: null },
        finishReason: null,
        error: false,
        stream: null,
        samplingRatio: null,
        vectors: { embedding: null, activation: null },
      },
      {
        kind: 'refused',
        code: 'TW_TELEMETRY_MALFORMED',
        reason: expect.stringContaining('JSON'),
        file: join(directory, 'one.traces.jsonl'),
        record: 1,
      },
      expect.objectContaining({ kind: 'call', spanId: '00000000000000c3', principal: { id: 'bob', kind: null, source: 'enduser.id' } }),
      expect.objectContaining({ kind: 'toolCall', tool: 'get_weather', principal: null }),
    ])
  })

  it('hashes identities where that is wanted', async () => {
    const configuration = join(directory, 'tidewatch.yaml')
    await writeFile(configuration, `identity:\n  key: ${Buffer.alloc(32, 7).toString('base64')}\n`)
    const [call] = (await inspect(['one.traces.jsonl'], '--json', '--hash-identities', '--config', configuration)).map((line) =>
      JSON.parse(line),
    )
    // Python: hmac.new(bytes([7]) * 32, b'alice', 'sha256').hexdigest()[:24]
    expect(call.principal.id).toBe('h-6a8851c590ddeb5a2ea0a503')
  })
})

describe('tidewatch inspect', () => {
  it('writes a table with a summary', async () => {
    const lines = await inspect(all)
    expect(lines[0]).toMatch(/^TIME +KIND +DIALECT +WHAT +WHO +TOKENS +DETAILS$/)
    expect(lines[1]).toMatch(/^2026-11-30 00:00:00\.000 +call +genai-1\.37 +chat m +alice \(user\.id\) +18 > \? +max 1$/)
    expect(lines.join('\n')).toMatch(/refused: .*one\.traces\.jsonl record 1: .*\[TW_TELEMETRY_MALFORMED\]/)
    const summary = lines.slice(lines.indexOf('') + 1)
    expect(summary).toEqual([
      'events            2  call',
      '                  1  toolCall',
      'dialects          2  genai-1.37',
      'principals  2, named by enduser.id 1, user.id 1',
      'ignored           1  same_call',
      'clamped           1  number_not_finite',
      'refused           1  TW_TELEMETRY_MALFORMED',
    ])
  })

  it('says how many calls nobody is known for', async () => {
    expect((await inspect(['one.traces.jsonl'])).join('\n')).toContain('1 of 2 calls have no principal')
  })

  it('shows as many rows as are wanted, and says what it left out', async () => {
    const lines = await inspect(all, '--limit', '1')
    expect(lines.filter((line) => line.startsWith('2026'))).toHaveLength(1)
    expect(lines).toContain('... and 2 more events (--limit 0 shows all)')
    expect((await inspect(all, '--limit', '0')).filter((line) => line.startsWith('2026'))).toHaveLength(3)
  })

  it('fails where a file is not there', async () => {
    await expect(inspect(['none.traces.jsonl'])).rejects.toMatchObject({ code: 'TW_SOURCE_UNREADABLE' })
  })
})
