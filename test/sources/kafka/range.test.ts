import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openKafkaRange } from '../../../src/sources/kafka/range.ts'
import type { RangeWish } from '../../../src/sources/kafka/range-bounds.ts'
import type { SourceBatch } from '../../../src/sources/source.ts'
import { kafkaForTests, uniqueName } from '../../support/kafka/kafka.ts'
import { silent, Topic, texts } from './fixture.ts'

const kafka = await kafkaForTests()

describe.skipIf(!kafka)('a range of a topic', () => {
  const opened: { close(): Promise<void> }[] = []
  let topic: Topic

  beforeAll(async () => {
    topic = await Topic.create(kafka!.brokers, 3)
    // Batches of each partition in turn, so that their append times mix.
    for (let round = 0; round < 4; round++) {
      for (const partition of [0, 1, 2]) await send(topic, partition, 1_700_000_000_000 + round * 1000 + partition, `${partition}/${round}`)
    }
  }, 120_000)

  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close()
  })

  afterAll(() => topic?.close())

  async function send(target: Topic, partition: number, time: number, value: string): Promise<void> {
    const producer = target.kafka.producer()
    await producer.connect()
    await producer.send({ topic: target.topic, messages: [{ partition, value, timestamp: String(time), headers: { a: 'b' } }] })
    await producer.disconnect()
  }

  const wish = (of: Topic, more: Partial<RangeWish> = {}): RangeWish => ({
    topic: of.topic,
    partition: null,
    from: null,
    to: null,
    ...more,
  })

  async function open(of: Topic, ...wishes: RangeWish[]) {
    const range = await openKafkaRange(of.config, wishes, { log: silent, transactionPatience: 300 })
    opened.push(range)
    const read = async () => {
      const source = range.source()
      opened.push({ close: () => source.stop() })
      const batches: SourceBatch[] = []
      await source.start(async (batch) => {
        batches.push(batch)
      })
      await source.ended
      expect(source.progress()).toBe(1)
      return batches
    }
    const values = async () => (await read()).flatMap(({ records }) => records.map(({ value }) => Buffer.from(value).toString()))
    return { range, read, values }
  }

  it('comes in the order in which its records were appended, each partition in its own, as often as it is read', async () => {
    const { read, values, range } = await open(topic, wish(topic))
    const inOrder = [0, 1, 2, 3].flatMap((round) => [0, 1, 2].map((partition) => `${partition}/${round}`))
    expect(await values()).toEqual(inOrder)
    expect(await values()).toEqual(inOrder)
    const [batch] = await read()
    expect(batch).toMatchObject({ topic: topic.topic, partition: 0, first: 0, last: 0 })
    expect(batch!.epoch).toMatch(/^[\w-]{22}$/)
    expect(batch!.records).toMatchObject([{ offset: 0, timestamp: 1_700_000_000_000, signal: 'traces', headers: { a: 'b' } }])
    expect(range.lacks).toEqual([])
  }, 60_000)

  it('goes from an offset or a time on up to the one behind its last, of one partition or all', async () => {
    const one = await open(topic, wish(topic, { partition: 1, from: { offset: 1 }, to: { offset: 3 } }))
    expect(await one.values()).toEqual(['1/1', '1/2'])
    const times = await open(topic, wish(topic, { from: { time: 1_700_000_001_001 }, to: { time: 1_700_000_002_001 } }))
    expect(await times.values()).toEqual(['1/1', '2/1', '0/2'])
    const two = await open(topic, wish(topic, { partition: 2, from: { offset: 3 } }), wish(topic, { partition: 0, to: { offset: 1 } }))
    expect(await two.values()).toEqual(['0/0', '2/3'])
  }, 60_000)

  it('touches no group, and refuses topics and partitions that do not exist', async () => {
    const { values } = await open(topic, wish(topic))
    const groups = async () => (await topic.admin.listGroups()).groups.map(({ groupId }) => groupId)
    const before = await groups()
    await values()
    expect(await groups()).toEqual(before)
    const refused = (...wishes: RangeWish[]) =>
      open(topic, ...wishes).then(
        () => null,
        ({ code }) => code,
      )
    expect(await refused({ ...wish(topic), topic: 'no-such-topic' })).toBe('TW_NOT_FOUND')
    expect(await refused(wish(topic, { partition: 7 }))).toBe('TW_NOT_FOUND')
    expect(await refused(wish(topic), wish(topic, { partition: 1 }))).toBe('TW_USAGE')
    const away = openKafkaRange({ ...topic.config, brokers: ['127.0.0.1:1'] }, [wish(topic)], { log: silent })
    expect(
      await away.then(
        () => null,
        ({ code }) => code,
      ),
    ).toBe('TW_SOURCE_UNAVAILABLE')
  }, 60_000)

  it('says what retention took, before it was opened and while it is read, and what is not written yet', async () => {
    const short = await Topic.create(kafka!.brokers)
    opened.push(short)
    await short.write(texts(10))
    await short.forget(4)
    const whole = await open(short, wish(short, { from: { offset: 1 }, to: { offset: 30 } }))
    expect(await whole.values()).toEqual(texts(10).slice(4))
    const of = { topic: short.topic, partition: 0 }
    expect(whole.range.lacks).toEqual([
      { ...of, reason: 'retention', from: 1, to: 4 },
      { ...of, reason: 'not-written', from: 10, to: 30 },
    ])
    await short.forget(6)
    expect(await whole.values()).toEqual(texts(10).slice(6))
    expect(whole.range.lacks).toContainEqual({ ...of, reason: 'retention', from: 4, to: 6 })
    const timed = await open(short, wish(short, { from: { time: 1_600_000_000_000 } }))
    expect(timed.range.lacks).toEqual([{ ...of, reason: 'retention', from: null, to: 6 }])
  }, 60_000)

  it('holds committed records only, and names what a transaction without an end holds back', async () => {
    const mixed = await Topic.create(kafka!.brokers)
    opened.push(mixed)
    const begin = async () => {
      const producer = mixed.kafka.producer({ transactionalId: uniqueName('range'), maxInFlightRequests: 1, idempotent: true })
      await producer.connect()
      opened.push({ close: () => producer.disconnect() })
      const transaction = await producer.transaction()
      const say = (value: string) => transaction.send({ topic: mixed.topic, messages: [{ partition: 0, value }] })
      return { say, commit: () => transaction.commit(), abort: () => transaction.abort() }
    }
    // Two that are aborted lie within each other: a fetch in their middle must know both.
    const [a, b, c] = [await begin(), await begin(), await begin()]
    await a.say('aborted a1')
    await b.say('aborted b1')
    await mixed.write(['plain'])
    await b.say('aborted b2')
    await a.say('aborted a2')
    await c.say('committed c1')
    await a.abort()
    await b.abort()
    await c.commit()
    await mixed.write(['plain again'])
    const { values, read } = await open(mixed, wish(mixed))
    expect(await values()).toEqual(['plain', 'committed c1', 'plain again'])
    // Where markers of transactions stand is up to the broker.
    const { offset } = (await read()).at(-1)!.records.at(-1)!
    const middle = await open(mixed, wish(mixed, { from: { offset: 3 } }))
    expect(await middle.values()).toEqual(['committed c1', 'plain again'])

    const d = await begin()
    await d.say('not ended')
    await mixed.write(['behind it'])
    const held = await open(mixed, wish(mixed, { from: { offset } }))
    expect(await held.values()).toEqual(['plain again'])
    const [part] = held.range.parts
    expect(part!.end).toBeGreaterThanOrEqual(offset + 3)
    expect(held.range.lacks).toEqual([
      { topic: mixed.topic, partition: 0, reason: 'open-transaction', from: expect.any(Number), to: part!.end },
    ])
    await d.commit()
    expect(await (await open(mixed, wish(mixed, { from: { offset } }))).values()).toEqual(['plain again', 'not ended', 'behind it'])
  }, 60_000)
})
