import kafkajs from 'kafkajs'
import { afterEach, describe, expect, it } from 'vitest'
import { TidewatchError } from '../../../src/errors.ts'
import { PlaceLost } from '../../../src/sources/source.ts'
import { kafkaForTests } from '../../support/kafka/kafka.ts'
import { eventually, Received, Topic, texts } from './fixture.ts'

const kafka = await kafkaForTests()

describe.skipIf(!kafka)('batches of the Kafka source', () => {
  const topics: Topic[] = []
  async function fresh(partitions = 1, overrides: Parameters<typeof Topic.create>[2] = {}): Promise<Topic> {
    const topic = await Topic.create(kafka!.brokers, partitions, overrides)
    topics.push(topic)
    return topic
  }
  afterEach(async () => {
    await Promise.all(topics.splice(0).map((topic) => topic.close()))
  })

  it('commits only after the handler resolved, with the epoch beside the offset', async () => {
    const topic = await fresh()
    await topic.write(texts(3))
    const received = new Received()
    const seen: number[] = []
    await topic.source().start(
      received.handler(async () => {
        seen.push((await topic.committed()).offset)
      }),
    )
    await received.count(3)
    await eventually(async () => (await topic.committed()).offset === 3)
    expect(seen).toEqual([0])
    expect(JSON.parse((await topic.committed()).metadata!)).toEqual({ v: 1, epoch: received.batches[0]!.epoch })
  })

  it('stays in the group while a handler works longer than the session lasts and does not think of heartbeats', async () => {
    const topic = await fresh(1, { sessionTimeout: 1 })
    await topic.write(texts(3))
    const received = new Received()
    let owned = false
    await topic.source().start(
      received.handler(async (_batch, context) => {
        if (received.batches.length > 0) return
        await new Promise((resolve) => setTimeout(resolve, 3000))
        owned = context.owned()
      }),
    )
    await received.count(3)
    expect(owned).toBe(true)
    await eventually(async () => (await topic.committed()).offset === 3)
    await topic.write(['next'])
    await received.count(4)
    expect(received.texts).toEqual([...texts(3), 'next'])
  })

  it('says while it retries what is refused and why', async () => {
    const topic = await fresh()
    await topic.write(texts(3))
    const received = new Received()
    let broken = true
    const source = topic.source()
    await source.start(
      received.handler(() => {
        if (broken) throw new TidewatchError('TW_STORE_UNAVAILABLE', 'no route')
      }),
    )
    await eventually(() => source.problem() !== null)
    expect(source.problem()).toContain(`${topic.topic}/0: The store cannot be reached: no route`)
    expect((await topic.committed()).offset).toBe(0)
    broken = false
    await received.count(3)
    await eventually(() => source.problem() === null)
  })

  it('asks for the place again where a handler does not stand there any more, and goes on from the new one', async () => {
    const topic = await fresh()
    await topic.write(texts(6))
    const received = new Received()
    const asked: number[] = []
    const assigned: number[][] = []
    await topic.source().start(
      received.handler((batch) => {
        if (batch.first === 0) throw new PlaceLost('somebody else had it meanwhile')
      }),
      {
        resume: async () => {
          asked.push(asked.length)
          return asked.length === 1 ? 0 : 4
        },
        assigned: (partitions) => assigned.push(partitions.filter((each) => each.topic === topic.topic).map(({ partition }) => partition)),
      },
    )
    await received.count(2)
    expect(received.texts).toEqual(['r4', 'r5'])
    expect(assigned).toEqual([[0]])
    await eventually(async () => (await topic.committed()).offset === 6)
  })

  it('stops a poisoned partition and reads the others on', async () => {
    const topic = await fresh(2)
    await topic.write(texts(3, 'good'), { partition: 0 })
    await topic.write(texts(3, 'bad'), { partition: 1 })
    const received = new Received()
    let refusals = 0
    const source = topic.source()
    await source.start(
      received.handler((batch) => {
        if (batch.partition === 0) return
        refusals++
        throw new TidewatchError('TW_SOURCE_POISONED', 'all of it')
      }),
    )
    await received.count(3)
    await eventually(() => refusals > 0)
    await topic.write(texts(2, 'more'), { partition: 0 })
    await received.count(5)
    expect(refusals).toBe(1)
    expect(source.problem()).toContain(`${topic.topic}/1: Too many records`)
    expect((await topic.committed(1)).offset).toBe(0)
    expect((await source.lag()).find(({ topic: name, partition }) => name === topic.topic && partition === 1)?.records).toBe(3)
  })

  it('counts control records into the range of a batch, and does not lag behind those at the end', async () => {
    const topic = await fresh()
    const producer = topic.kafka.producer({ transactionalId: topic.topic, maxInFlightRequests: 1, idempotent: true })
    await producer.connect()
    const send = async (value: string, fate: 'commit' | 'abort') => {
      const transaction = await producer.transaction()
      await transaction.send({ topic: topic.topic, messages: [{ value }] })
      await transaction[fate]()
    }
    const received = new Received()
    const source = topic.source()
    await source.start(received.handler())
    await send('a', 'commit')
    await received.count(1)
    await send('dropped', 'abort')
    await send('b', 'commit')
    await producer.disconnect()
    await received.count(2)
    expect(received.texts).toEqual(['a', 'b'])
    let next = 0
    for (const { first, last } of received.batches) {
      expect(first).toBe(next)
      next = last + 1
    }
    await eventually(async () => (await source.lag()).every(({ records }) => records === 0))
    await topic.write(['c'])
    await received.count(3)
    expect(received.batches.at(-1)).toMatchObject({ first: next, last: 6 })
  })

  it('stops within 10 seconds though a handler hangs, and delivers its batch again later', async () => {
    const topic = await fresh()
    await topic.write(texts(3))
    const source = topic.source({ drainTimeout: 300 })
    let owned = () => true
    let entered = () => {}
    const inHandler = new Promise<void>((resolve) => {
      entered = resolve
    })
    await source.start((_batch, context) => {
      owned = () => context.owned()
      entered()
      return new Promise(() => {})
    })
    await inHandler
    expect(owned()).toBe(true)
    const before = Date.now()
    await source.stop()
    expect(Date.now() - before).toBeLessThan(5000)
    expect(owned()).toBe(false)
    const received = new Received()
    await topic.source().start(received.handler())
    await received.count(3)
    expect(received.batches[0]!.first).toBe(0)
  })

  it('says that a TLS file cannot be read', async () => {
    const topic = await fresh()
    const source = topic.source({}, { tls: { ca: '/nowhere/ca.pem', rejectUnauthorized: true } })
    await expect(source.start(async () => {})).rejects.toThrow('/nowhere/ca.pem')
  })

  it('keeps trying while no broker answers, says so, and can be stopped', async () => {
    const topic = await fresh()
    const source = topic.source({}, { brokers: ['127.0.0.1:1'] })
    const started = source.start(async () => {})
    await eventually(() => source.problem() !== null)
    expect(source.problem()).toContain('127.0.0.1:1')
    const before = Date.now()
    await source.stop()
    await started
    expect(Date.now() - before).toBeLessThan(10_000)
  })

  it('reads many partitions of every codec of one producer in order', async () => {
    const topic = await fresh(4)
    const { GZIP, Snappy, LZ4, ZSTD } = kafkajs.CompressionTypes
    for (const [partition, compression] of [GZIP, Snappy, LZ4, ZSTD].entries()) {
      for (let i = 0; i < 5; i++) await topic.write(texts(20, `${partition}-${i}-`), { partition, compression })
    }
    const received = new Received()
    await topic.source().start(received.handler())
    await received.count(400)
    for (let partition = 0; partition < 4; partition++) {
      const mine = received.batches.filter((batch) => batch.partition === partition)
      expect(mine.flatMap((batch) => batch.records.map((record) => Buffer.from(record.value).toString()))).toEqual(
        Array.from({ length: 5 }, (_, i) => texts(20, `${partition}-${i}-`)).flat(),
      )
    }
  })
})
