import { afterEach, describe, expect, it } from 'vitest'
import { ensureTopics } from '../../../src/sources/kafka/topics.ts'
import { kafkaForTests, uniqueName, uniqueTopics } from '../../support/kafka/kafka.ts'
import { eventually, Received, silent, Topic, texts } from './fixture.ts'

const kafka = await kafkaForTests()

describe.skipIf(!kafka)('where the Kafka source starts and goes on', () => {
  const topics: Topic[] = []
  async function fresh(overrides: Parameters<typeof Topic.create>[2] = {}): Promise<Topic> {
    const topic = await Topic.create(kafka!.brokers, 1, overrides)
    topics.push(topic)
    return topic
  }
  afterEach(async () => {
    await Promise.all(topics.splice(0).map((topic) => topic.close()))
  })

  it('reads everything that the log holds on a first run', async () => {
    const topic = await fresh()
    await topic.write(texts(5))
    const received = new Received()
    await topic.source().start(received.handler())
    await received.count(5)
    expect(received.texts).toEqual(texts(5))
    expect(topic.gaps).toEqual([])
  })

  it('reads only what comes with startFrom: latest, and keeps that place over a restart without records', async () => {
    const topic = await fresh({ startFrom: 'latest' })
    await topic.write(texts(5, 'old'))
    const first = topic.source()
    await first.start(async () => {})
    await eventually(async () => (await topic.committed()).offset === 5)
    await first.stop()
    await topic.write(texts(2, 'while-away'))
    const received = new Received()
    await topic.source().start(received.handler())
    await received.count(2)
    expect(received.texts).toEqual(texts(2, 'while-away'))
  })

  it('hands over time, headers, value and what the topic says of the signal', async () => {
    const topic = await fresh()
    const before = Date.now()
    const producer = topic.kafka.producer()
    await producer.connect()
    const headers = { traceparent: '00-1', twice: ['a', 'b'], bytes: Buffer.from('raw') }
    await producer.send({
      topic: topic.config.topics.logs,
      messages: [{ key: 'k', value: Buffer.from([0, 255, 10]), headers }, { value: null }],
    })
    await producer.disconnect()
    const received = new Received()
    await topic.source().start(received.handler())
    await received.count(2)
    const [record, empty] = received.batches[0]!.records
    expect(record).toMatchObject({ offset: 0, signal: 'logs', headers: { traceparent: '00-1', twice: 'b', bytes: 'raw' } })
    expect([...record!.value]).toEqual([0, 255, 10])
    expect(record!.timestamp).toBeGreaterThanOrEqual(before - 1000)
    expect(empty!.value).toHaveLength(0)
  })

  it('counts the gap when records went before they were read, while it was away', async () => {
    const topic = await fresh()
    await topic.write(texts(10))
    const first = topic.source()
    const received = new Received()
    await first.start(received.handler())
    await received.count(10)
    await first.stop()
    await topic.write(texts(10, 'later'))
    await topic.forget(15)
    const again = new Received()
    await topic.source().start(again.handler())
    await again.count(5)
    expect(again.texts).toEqual(texts(10, 'later').slice(5))
    expect(again.batches[0]).toMatchObject({ first: 15 })
    expect(topic.gaps).toEqual([{ topic: topic.topic, partition: 0, reason: 'retention', from: 10, to: 15, records: 5 }])
  })

  it('counts the gap when records go under a running source', async () => {
    const topic = await fresh()
    await topic.write(texts(10))
    const received = new Received()
    const source = topic.source()
    await source.start(received.handler())
    await received.count(10)
    source.pause()
    await topic.write(texts(10, 'later'))
    await topic.forget(18)
    source.resume()
    await received.count(12)
    expect(received.texts.slice(10)).toEqual(['later8', 'later9'])
    expect(topic.gaps).toEqual([{ topic: topic.topic, partition: 0, reason: 'retention', from: 10, to: 18, records: 8 }])
    expect((await topic.committed()).offset).toBe(20)
  })

  it('skips to the end with onOffsetOutOfRange: latest, and says how much that cost', async () => {
    const topic = await fresh({ onOffsetOutOfRange: 'latest' })
    await topic.write(texts(10))
    const received = new Received()
    const source = topic.source()
    await source.start(received.handler())
    await received.count(10)
    source.pause()
    await topic.write(texts(10, 'later'))
    await topic.forget(15)
    source.resume()
    await eventually(() => topic.gaps.length > 0)
    await topic.write(['new'])
    await received.count(11)
    expect(received.texts.at(-1)).toBe('new')
    expect(topic.gaps).toEqual([{ topic: topic.topic, partition: 0, reason: 'retention', from: 10, to: 20, records: 10 }])
  })

  it('stops the partition with onOffsetOutOfRange: stop, again after a restart, until somebody decides', async () => {
    const topic = await fresh({ onOffsetOutOfRange: 'stop' })
    await topic.write(texts(10))
    const received = new Received()
    const source = topic.source()
    await source.start(received.handler())
    await received.count(10)
    source.pause()
    await topic.write(texts(10, 'later'))
    await topic.forget(15)
    source.resume()
    await eventually(() => source.problem() !== null)
    expect(source.problem()).toContain('offset 10 is gone, the log holds 15 to 20')
    await eventually(async () => (await topic.committed()).offset === 10)
    await source.stop()
    const again = topic.source()
    await again.start(received.handler())
    await eventually(() => again.problem() !== null)
    expect(again.problem()).toContain('offset 10 is gone')
    await again.stop()
    expect(received.texts).toHaveLength(10)

    const decided = new Received()
    await topic.source({}, { onOffsetOutOfRange: 'earliest' }).start(decided.handler())
    await decided.count(5)
    expect(decided.batches[0]!.first).toBe(15)
    expect(topic.gaps).toMatchObject([{ from: 10, to: 15, records: 5 }])
  })

  it('reads a topic that was made anew from its start under another epoch, though its log is longer than the old one', async () => {
    const topic = await fresh({ startFrom: 'latest' })
    const received = new Received()
    const source = topic.source()
    await source.start(received.handler())
    await eventually(async () => (await topic.committed()).offset === 0)
    await topic.write(texts(5, 'old'))
    await received.count(5)
    await topic.recreate()
    await topic.write(texts(9, 'new'))
    await received.count(14)
    expect(received.texts.slice(5)).toEqual(texts(9, 'new'))
    const epochs = [...new Set(received.batches.map(({ epoch }) => epoch))]
    expect(epochs).toHaveLength(2)
    expect(received.batches.find(({ epoch }) => epoch === epochs[1])!.first).toBe(0)
    expect(topic.gaps).toMatchObject([{ reason: 'recreated', from: 5, to: 0, records: null }])
    await source.stop()
    expect(await topic.committed()).toEqual({ offset: 9, metadata: JSON.stringify({ v: 1, epoch: epochs[1] }) })
  })

  it('notices that a topic was made anew while it was paused', async () => {
    const topic = await fresh()
    await topic.write(texts(5, 'old'))
    const received = new Received()
    const source = topic.source()
    await source.start(received.handler())
    await received.count(5)
    source.pause()
    await topic.recreate()
    await topic.write(texts(9, 'new'))
    source.resume()
    await received.count(14)
    expect(received.texts.slice(5)).toEqual(texts(9, 'new'))
    expect(topic.gaps).toMatchObject([{ reason: 'recreated', from: 5 }])
  })

  it('stops with onTopicRecreated: stop', async () => {
    const topic = await fresh({ onTopicRecreated: 'stop' })
    await topic.write(texts(5, 'old'))
    const received = new Received()
    const source = topic.source()
    await source.start(received.handler())
    await received.count(5)
    await topic.recreate()
    await topic.write(texts(9, 'new'))
    await eventually(() => source.problem()?.includes('deleted and created again') ?? false)
    expect(received.texts).toHaveLength(5)
  })

  it('waits for topics that do not exist yet, and reads those that do', async () => {
    const topic = await fresh()
    const late = uniqueName('late')
    const names = { ...uniqueTopics(), traces: topic.topic, metrics: late }
    await topic.write(['now'])
    const received = new Received()
    const source = topic.source({ topicCheckInterval: 100 }, { topics: names })
    await source.start(received.handler())
    await received.count(1)
    expect(source.problem()).toBeNull()
    await ensureTopics(topic.config, [{ topic: late, partitions: 1 }], silent)
    await topic.write(['then'], { topic: late })
    await received.count(2)
    expect(received.batches.map((batch) => [batch.topic, batch.records[0]!.signal])).toEqual([
      [topic.topic, 'traces'],
      [late, 'metrics'],
    ])
  })

  it('starts without any topic, says so, and begins when one appears', async () => {
    const topic = await fresh()
    const names = uniqueTopics()
    const source = topic.source({ topicCheckInterval: 100 }, { topics: names })
    const received = new Received()
    await source.start(received.handler())
    expect(source.problem()).toContain(names.traces)
    expect(await source.lag()).toEqual([])
    await ensureTopics(topic.config, [{ topic: names.traces, partitions: 1 }], silent)
    await topic.write(['first'], { topic: names.traces })
    await received.count(1)
    expect(source.problem()).toBeNull()
  })
})
