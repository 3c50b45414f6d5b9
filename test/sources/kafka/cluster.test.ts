import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { kafkaPublisher } from '../../../src/sources/kafka/publisher.ts'
import { canStartKafka, type KafkaCluster, startKafka, testUser } from '../../support/kafka/kafka.ts'
import { eventually, Received, silent, Topic, texts } from './fixture.ts'

const possible = await canStartKafka()

const topics: Topic[] = []
async function fresh(brokers: string[], partitions = 1, overrides: Parameters<typeof Topic.create>[2] = {}): Promise<Topic> {
  const topic = await Topic.create(brokers, partitions, { sessionTimeout: 2, ...overrides })
  topics.push(topic)
  return topic
}
afterEach(async () => {
  await Promise.all(topics.splice(0).map((topic) => topic.close()))
})

/** Publishes numbered records one after the other, each again until it is acknowledged, until told to end. */
function steadyPublishing(topic: Topic): { acknowledged: string[]; end(): Promise<void> } {
  const publisher = kafkaPublisher(topic.config, { log: silent })
  const acknowledged: string[] = []
  let going = true
  const work = (async () => {
    for (let i = 0; going; i++) {
      const text = `n${i}`
      while (
        !(await publisher.publish(topic.topic, [{ value: Buffer.from(text), key: text }]).then(
          () => true,
          () => false,
        ))
      );
      acknowledged.push(text)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await publisher.close()
  })()
  return {
    acknowledged,
    end: () => {
      going = false
      return work
    },
  }
}

describe.skipIf(!possible)('one broker of our own', () => {
  let cluster: KafkaCluster
  beforeAll(async () => {
    cluster = await startKafka({ secured: true })
  })
  afterAll(() => cluster?.stop())

  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    it(`reads and publishes over TLS with ${mechanism}`, async () => {
      const { brokers, ca } = cluster.secured!
      const topic = await fresh(brokers, 1, { tls: { ca, rejectUnauthorized: true }, sasl: { mechanism, ...testUser } })
      const publisher = kafkaPublisher(topic.config, { log: silent })
      await publisher.publish(topic.topic, [{ value: Buffer.from('secret') }])
      await publisher.close()
      const received = new Received()
      await topic.source().start(received.handler())
      await received.count(1)
      expect(received.texts).toEqual(['secret'])
    })
  }

  it('says that credentials are refused instead of trying for ever', async () => {
    const topic = await fresh(cluster.brokers)
    const { brokers, ca } = cluster.secured!
    for (const mechanism of ['plain', 'scram-sha-512'] as const) {
      const sasl = { mechanism, username: testUser.username, password: 'wrong' }
      const source = topic.source({}, { brokers, tls: { ca, rejectUnauthorized: true }, sasl })
      await expect(source.start(async () => {})).rejects.toMatchObject({ code: 'TW_SOURCE_UNAVAILABLE' })
    }
  })

  it('does not talk to a broker whose certificate it cannot trust', async () => {
    const topic = await fresh(cluster.brokers)
    const source = topic.source({}, { brokers: cluster.secured!.brokers, tls: true, sasl: { mechanism: 'plain', ...testUser } })
    const started = source.start(async () => {})
    await eventually(() => source.problem()?.includes('self-signed') ?? false)
    await source.stop()
    await started
  })

  it('goes on after the broker was killed and came back: nothing acknowledged is lost, and readiness said why', async () => {
    const topic = await fresh(cluster.brokers, 2)
    const received = new Received()
    const source = topic.source()
    await source.start(received.handler())
    const publishing = steadyPublishing(topic)
    await received.count(20)
    await cluster.kill(0)
    await eventually(() => source.problem() !== null)
    await cluster.restart(0)
    const before = publishing.acknowledged.length
    await eventually(() => publishing.acknowledged.length > before + 20)
    await publishing.end()
    await eventually(() => new Set(received.texts).size === publishing.acknowledged.length, 40_000)
    expect(source.problem()).toBeNull()
    expect(new Set(received.texts)).toEqual(new Set(publishing.acknowledged))
    // Nothing was written twice either: what a batch that was delivered again holds has the same offsets.
    const places = received.batches.flatMap((batch) => batch.records.map((record) => `${batch.partition}/${record.offset}`))
    expect(new Set(places).size).toBe(publishing.acknowledged.length)
  }, 90_000)

  it('stops within 10 seconds while the broker hangs, running or still starting', async () => {
    const topic = await fresh(cluster.brokers)
    await topic.write(texts(3))
    const received = new Received()
    const running = topic.source()
    await running.start(
      received.handler((batch) => {
        if (batch.first === 3) cluster.suspend(0)
      }),
    )
    await received.count(3)
    await topic.write(['the broker hangs while this is committed'])
    await received.count(4)
    const starting = topic.source()
    const started = starting.start(received.handler())
    const before = Date.now()
    await Promise.all([running.stop(), starting.stop(), started])
    expect(Date.now() - before).toBeLessThan(10_000)
    cluster.continue(0)
    await topic.source().start(received.handler())
    await eventually(async () => (await topic.committed()).offset === 4)
  }, 60_000)

  it('commits what a handler resolved while the broker was away, without handing it out again', async () => {
    const topic = await fresh(cluster.brokers)
    await topic.write(texts(3))
    const received = new Received()
    let killed: Promise<void> | null = null
    let back: Promise<void> | null = null
    const source = topic.source()
    await source.start(
      received.handler(async () => {
        if (killed) return
        killed = cluster.kill(0)
        await killed
        back = cluster.restart(0)
      }),
    )
    await eventually(() => back !== null)
    await back
    await received.count(3)
    await eventually(async () => (await topic.committed().catch(() => ({ offset: -1 }))).offset === 3, 30_000)
    expect(received.texts.slice(0, 3)).toEqual(texts(3))
  }, 60_000)
})

describe.skipIf(!possible)('three brokers', () => {
  let cluster: KafkaCluster
  beforeAll(async () => {
    cluster = await startKafka({ brokers: 3 })
  })
  afterAll(() => cluster?.stop())

  it('goes on when one of them dies: nothing acknowledged is lost', async () => {
    const topic = await fresh(cluster.brokers, 3, { sessionTimeout: 6 })
    const received = new Received()
    const source = topic.source()
    await source.start(received.handler())
    const publishing = steadyPublishing(topic)
    await received.count(20)
    await cluster.kill(0)
    const before = publishing.acknowledged.length
    await eventually(() => publishing.acknowledged.length > before + 50, 90_000)
    await publishing.end()
    await eventually(() => new Set(received.texts).size === publishing.acknowledged.length, 90_000)
    expect(new Set(received.texts)).toEqual(new Set(publishing.acknowledged))
    await eventually(() => source.problem() === null)
  }, 240_000)
})
