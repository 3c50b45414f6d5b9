import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { Journal } from '../../src/sources/journal/journal.ts'
import { kafkaClient } from '../../src/sources/kafka/client.ts'
import { ensureTopics } from '../../src/sources/kafka/topics.ts'
import { startInstance } from '../../src/stages/instance.ts'
import { tidewatch } from '../support/command-line.ts'
import { kafkaForTests, uniqueName } from '../support/kafka/kafka.ts'
import { mixedLog } from '../support/mixed-log.ts'

const kafka = await kafkaForTests()

interface Answer {
  traffic: { name: string; kind: string; blind: string[]; lacks: string[] }
  before: { name: string; events: number | null; incidents: number; alerts: number }
  after: { events: number; deadLetters: number; incidents: number }
  added: { subject: { id: string }; opened: string }[]
  gone: object[]
  changed: object[]
  same: object[]
}

describe('tidewatch backtest', () => {
  let folder: string
  let data: string
  let strict: string
  let defaults: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tw-backtest-'))
    data = join(folder, 'data')
    strict = join(folder, 'strict.yaml')
    defaults = join(folder, 'defaults.yaml')
    await writeFile(strict, 'decisions:\n  falseIncidentsPerDay: 0.000000001\n')
    await writeFile(defaults, 'log:\n  level: warn\n')
    await writeFile(
      join(folder, 'day.traces.jsonl'),
      spans()
        .map(({ value }) => value)
        .join('\n'),
    )
    await live(data)
  }, 120_000)

  afterAll(() => rm(folder, { recursive: true, force: true }))

  /** Export requests of the log, without what is no telemetry. */
  function spans() {
    return mixedLog()
      .filter(({ signal, value }) => signal === 'traces' && value.length > 0 && value[0] === 0x7b)
      .map(({ value, receivedAt }) => ({ value: Buffer.from(value).toString(), timestamp: String(receivedAt) }))
  }

  /** An instance that went over the log, and stopped. */
  async function live(directory: string): Promise<void> {
    const journal = await Journal.open({ ...configSchema.parse({}).journal, directory: join(directory, 'journal') })
    await journal.append(mixedLog())
    await journal.close()
    const off = { http: { enabled: false }, grpc: { enabled: false } }
    const config = configSchema.parse({ data: { directory }, otlp: off, server: { port: 0 } })
    const instance = await startInstance(config, { log: pino({ level: 'silent' }), version: 'test' })
    await instance.drained()
    await instance.stop()
  }

  async function answer(...args: string[]): Promise<Answer> {
    const { code, out, err } = await tidewatch('backtest', ...args, '--json')
    expect(err).toBe('')
    expect(code).toBe(0)
    return JSON.parse(out)
  }

  it('compares two configurations over files: what the one finds and the other does not', async () => {
    const found = await answer(join(folder, 'day.traces.jsonl'), '--config', defaults, '--against', strict)
    expect(found.traffic).toMatchObject({ kind: 'raw', blind: [], lacks: [] })
    expect(found.before).toMatchObject({ name: strict, incidents: 0 })
    expect(found.added.length).toBeGreaterThan(0)
    const page = await tidewatch('backtest', join(folder, 'day.traces.jsonl'), '--config', strict, '--against', defaults)
    expect(page.out).toMatch(/^over .*day\.traces\.jsonl$/m)
    expect(page.out).toContain(`gone  ${found.added[0]!.opened.slice(0, 19)}Z`)
    expect(page.out).toContain(`\n0 new, ${found.added.length} gone, 0 changed, 0 the same\n`)
  }, 120_000)

  it('over the raw records of a journal makes exactly the incidents that the instance made', async () => {
    const found = await answer('--stored', '--data', data, '--config', defaults, '--history', 'stored')
    expect(found.traffic).toMatchObject({ kind: 'raw', blind: [], lacks: [] })
    expect(found.before.incidents).toBeGreaterThan(0)
    expect([found.added, found.gone, found.changed]).toEqual([[], [], []])
    expect(found.same.length).toBe(found.before.incidents)
    expect(found.before.alerts).toBe((await answer('--stored', 'raw', '--data', data, '--config', defaults)).before.alerts)
  }, 120_000)

  it('over stored rows says which detectors cannot run, and runs the others', async () => {
    const rows = await answer('--stored', 'rows', '--data', data, '--config', defaults, '--against', strict)
    const raw = await answer('--stored', 'raw', '--data', data, '--config', defaults, '--against', strict)
    expect(rows.traffic).toMatchObject({ kind: 'rows', blind: expect.arrayContaining(['query-shift', 'activation-ood']) })
    expect(rows.traffic.lacks.join()).toContain('not stored')
    expect(rows.after.events).toBe(raw.after.events)
    const half = await answer('--stored', 'rows', '--data', data, '--config', defaults, '--from', '2026-03-03', '--to', '2026-03-04')
    expect(half.after.events).toBeGreaterThan(0)
    expect(half.after.events).toBeLessThan(rows.after.events)
    const page = await tidewatch('backtest', '--stored', 'rows', '--data', data, '--config', defaults)
    expect(page.out).toMatch(/^cannot run on this: query-shift, /m)
  }, 120_000)

  it.skipIf(!kafka)(
    'reads a range of Kafka, and says what it lacks',
    async () => {
      const topic = uniqueName('spans')
      const settings = configSchema.parse({ kafka: { brokers: kafka!.brokers, topics: { traces: topic } } }).kafka
      await ensureTopics(settings, [{ topic, partitions: 1 }], pino({ level: 'silent' }))
      const client = kafkaClient(settings, pino({ level: 'silent' }))
      const producer = client.producer()
      await producer.connect()
      for (const message of spans()) await producer.send({ topic, messages: [message] })
      await producer.disconnect()
      const count = spans().length
      const whole = await answer('--kafka', topic, '--brokers', kafka!.brokers.join(), '--config', defaults, '--against', strict)
      const files = await answer(join(folder, 'day.traces.jsonl'), '--config', defaults, '--against', strict)
      expect(whole.traffic).toMatchObject({ name: `${topic}:0@0..${count}`, lacks: [] })
      expect(whole.after).toMatchObject({ events: files.after.events, deadLetters: 0, incidents: files.after.incidents })
      expect(whole.added.map(({ subject, opened }) => [subject, opened])).toEqual(
        files.added.map(({ subject, opened }) => [subject, opened]),
      )
      // Of the topic between the stages only what people did is taken.
      const between = uniqueName('observations')
      await ensureTopics(settings, [{ topic: between, partitions: 1 }], pino({ level: 'silent' }))
      const again = client.producer()
      await again.connect()
      await again.send({
        topic: between,
        messages: [{ value: 'an observation' }, { value: '', headers: { 'tidewatch-control': 'action' } }],
      })
      await again.disconnect()
      const keyed = join(folder, 'keyed.yaml')
      await writeFile(keyed, `kafka:\n  topics: { observations: ${between} }\n`)
      const both = await answer('--kafka', topic, '--kafka', between, '--brokers', kafka!.brokers.join(), '--config', keyed)
      expect(both.traffic.name).toBe(`${between}:0@0..2 ${topic}:0@0..${count}`)
      expect(both.after).toMatchObject({ events: files.after.events, deadLetters: 1 })

      const beyond = await answer(
        '--kafka',
        `${topic}:0@${count - 2}..${count + 5}`,
        '--brokers',
        kafka!.brokers.join(),
        '--config',
        defaults,
      )
      expect(beyond.traffic.lacks).toEqual([`${topic}:0 ends before the range does: offsets ${count} to ${count + 4} are not written yet`])
      const admin = client.admin()
      await admin.connect()
      await admin.deleteTopics({ topics: [topic, between] })
      await admin.disconnect()
    },
    120_000,
  )

  it('is wrong use without an input, with two, or with options of another one; and a folder that an instance has is not read', async () => {
    const codeOf = async (...args: string[]) => {
      const { code, err } = await tidewatch('backtest', '--config', defaults, ...args)
      return `${code} ${/\[(\w+)\]/.exec(err)?.[1] ?? err.split('\n')[0]}`
    }
    expect(await codeOf()).toBe('2 TW_USAGE')
    expect(await codeOf('x.jsonl', '--kafka', 'spans')).toBe('2 TW_USAGE')
    expect(await codeOf('x.jsonl', '--from', '2026-03-01')).toBe('2 TW_USAGE')
    expect(await codeOf('x.jsonl', '--history', 'stored')).toBe('2 TW_USAGE')
    expect(await codeOf('--kafka', 'spans')).toBe('2 TW_USAGE')
    expect(await codeOf('--kafka', 'tidewatch.events', '--brokers', '127.0.0.1:1')).toBe('2 TW_USAGE')
    expect(await codeOf('--kafka', 'spans@9..1', '--brokers', '127.0.0.1:1')).toBe('2 TW_USAGE')
    expect(await codeOf('--stored', 'rows', '--data', join(folder, 'nothing'))).toBe('1 TW_NOT_FOUND')
    const settings = { data: { directory: data }, otlp: { http: { enabled: false }, grpc: { enabled: false } }, server: { port: 0 } }
    const instance = await startInstance(configSchema.parse(settings), { log: pino({ level: 'silent' }), version: 'test' })
    try {
      expect(await codeOf('--stored', 'rows', '--data', data)).toBe('1 TW_STORE_BUSY')
    } finally {
      await instance.stop()
    }
  }, 60_000)
})
