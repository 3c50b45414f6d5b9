import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { runProgram } from '../../src/cli/program.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidewatch-cli-'))
  await writeFile(join(folder, 'a-file'), '')
  await writeFile(join(folder, 'empty.jsonl'), '')
  await writeFile(join(folder, 'wrong.yaml'), 'kafka: { broker: [a] }\n')
  await writeFile(join(folder, 'right.yaml'), 'seed: 1\n')
  await mkdir(join(folder, 'data'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function tidewatch(...args: string[]): Promise<{ code: number; err: string }> {
  let err = ''
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    err += chunk
    return true
  })
  const code = await runProgram(args).finally(() => stderr.mockRestore())
  return { code, err }
}

describe('the exit code', () => {
  it.each([
    ['an unknown command', ['nothing'], 'nothing'],
    ['an unknown option', ['run', '--nothing'], '--nothing'],
    ['an argument that is missing', ['replay'], 'file'],
    ['a port that is none', ['demo', '--port', 'abc'], 'expected 0 to 65535'],
    ['a subcommand without its argument', ['incidents', 'show'], 'id'],
    ['a verdict that is none', ['incidents', 'feedback', 'inc_1', '--verdict', 'maybe'], 'true, false, benign'],
    ['a test of no receiver', ['webhooks', 'test'], '--all'],
    ['an address that is none', ['incidents', 'list', '--api', 'localhost'], 'no http(s) URL'],
    ['two things to compare with', ['backtest', 'a', '--config', 'b', '--against', 'c', '--history', 'd'], 'not with both'],
    ['a configuration that does not hold', ['run', '--config', 'DIR/wrong.yaml'], 'did you mean `brokers`'],
    ['a configuration that is not there', ['run', '--config', 'DIR/none.yaml'], 'TW_CONFIG_UNREADABLE'],
  ])('is 2 for %s, and says so in a line', async (_name, args, told) => {
    const { code, err } = await tidewatch(...args.map((arg) => arg.replace('DIR', folder)))
    expect(err).toContain(told)
    expect(err).not.toMatch(/^ {4}at /m)
    expect(code).toBe(2)
  })

  it.each([
    ['a file that is not there', ['replay', 'DIR/none.jsonl'], 'TW_SOURCE_UNREADABLE'],
    ['an output that cannot be opened', ['replay', 'DIR/empty.jsonl', '--alerts', 'DIR/a-file/x'], 'TW_OUTPUT_UNWRITABLE'],
    ['no running instance', ['incidents', 'list', '--data', 'DIR/data'], 'TW_INSTANCE_UNREACHABLE'],
    ['an instance that does not answer', ['alerts', 'list', '--api', 'http://127.0.0.1:1'], 'ECONNREFUSED'],
    ['a history that is none', ['backtest', 'DIR/empty.jsonl', '--config', 'DIR/right.yaml', '--history', 'DIR/wrong.yaml'], 'is no alert'],
    ['a data folder that is a file', ['run', '--data', 'DIR/a-file'], 'TW_DATA_UNUSABLE'],
    ['a store folder that is a file', ['replay', 'DIR/empty.jsonl', '--store', 'DIR/a-file'], 'TW_DATA_UNUSABLE'],
  ])('is 1 for %s, and says so in a line', async (_name, args, told) => {
    const { code, err } = await tidewatch(...args.map((arg) => arg.replace('DIR', folder)))
    expect(err).toContain(told)
    expect(err).not.toMatch(/^ {4}at /m)
    expect(code).toBe(1)
  })

  it('is 1 for a port that is taken, and names its option', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    await writeFile(join(folder, 'taken.yaml'), `server: { port: ${port} }\n`)
    const { code, err } = await tidewatch('run', '--config', join(folder, 'taken.yaml'), '--data', join(folder, 'data'))
    expect(err).toContain(`An address cannot be listened on: server.port 127.0.0.1:${port} is in use [TW_LISTEN_FAILED]`)
    expect(code).toBe(1)
    other.close()
  })
})
