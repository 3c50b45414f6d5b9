import { afterEach, describe, expect, it } from 'vitest'
import { kafkaForTests } from '../../support/kafka/kafka.ts'
import { eventually, Received, Topic, texts } from './fixture.ts'

const kafka = await kafkaForTests()

describe.skipIf(!kafka)('members of a group that come and go', () => {
  const topics: Topic[] = []
  async function fresh(partitions: number, overrides: Parameters<typeof Topic.create>[2] = {}): Promise<Topic> {
    const topic = await Topic.create(kafka!.brokers, partitions, overrides)
    topics.push(topic)
    return topic
  }
  afterEach(async () => {
    await Promise.all(topics.splice(0).map((topic) => topic.close()))
  })

  const gate = () => {
    let open = () => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    return { open: () => open(), opened }
  }

  it('lets a batch in work end and commit when a second member joins in the middle of it', async () => {
    const topic = await fresh(2, { sessionTimeout: 3 })
    for (const partition of [0, 1]) await topic.write(texts(10, `${partition}-`), { partition })
    const entered = gate()
    const release = gate()
    const first = new Received()
    let ownedAtTheEnd = false
    const a = topic.source()
    await a.start(
      first.handler(async (_batch, context) => {
        if (first.batches.length > 0) return
        entered.open()
        await release.opened
        await context.heartbeat()
        ownedAtTheEnd = context.owned()
      }),
    )
    await entered.opened
    const second = new Received()
    const b = topic.source()
    const joined = b.start(second.handler())
    // The group waits for the first member now: its heartbeats are answered with "rebalancing" until it comes back.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    release.open()
    await joined
    await eventually(() => new Set([...first.texts, ...second.texts]).size === 20)
    for (const partition of [0, 1]) await topic.write(texts(5, `${partition}-later-`), { partition })
    await eventually(() => new Set([...first.texts, ...second.texts]).size === 30)
    expect(ownedAtTheEnd).toBe(true)
    const all = [...first.texts, ...second.texts]
    expect(all).toHaveLength(30)
    // Each has one of the partitions now.
    const later = (received: Received) => new Set(received.batches.filter((batch) => batch.first >= 10).map((batch) => batch.partition))
    expect(later(first).size).toBe(1)
    expect(later(second).size).toBe(1)
    expect(a.problem()).toBeNull()
    expect(b.problem()).toBeNull()
  })

  it('gives a refused batch to the new owner instead of keeping the group waiting', async () => {
    const topic = await fresh(1, { sessionTimeout: 3 })
    await topic.write(texts(10))
    const refused = gate()
    const a = topic.source()
    await a.start(async () => {
      refused.open()
      throw new Error('this member cannot store')
    })
    await refused.opened
    const second = new Received()
    const b = topic.source()
    await b.start(second.handler())
    await a.stop()
    await second.count(10)
    expect(second.texts).toEqual(texts(10))
    expect(second.batches[0]!.first).toBe(0)
  })

  it('tells a handler that its partition was taken away, and does not commit for it', async () => {
    const topic = await fresh(1, { sessionTimeout: 1 })
    await topic.write(texts(10))
    const entered = gate()
    const woken = gate()
    let lost: unknown = null
    let owned = true
    const first = new Received()
    const a = topic.source()
    await a.start(
      first.handler(async (_batch, context) => {
        if (lost) return
        entered.open()
        // Deaf for longer than the session lasts, as a stopped process is.
        const until = Date.now() + 2500
        while (Date.now() < until) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
        await eventually(async () => {
          await context.heartbeat().catch((error) => {
            lost = error
          })
          return lost !== null
        })
        owned = context.owned()
        expect((await topic.committed()).offset).toBe(0)
        woken.open()
      }),
    )
    await woken.opened
    expect(owned).toBe(false)
    expect(lost).toMatchObject({ code: 'TW_SOURCE_UNAVAILABLE' })
    // It was thrown out, joins again and gets the batch again: once without effect on the place, once with.
    await first.until((received) => received.batches.length === 2)
    expect(first.batches.map((batch) => batch.first)).toEqual([0, 0])
    await eventually(async () => (await topic.committed()).offset === 10)
    expect(a.problem()).toBeNull()
  })

  it('loses nothing when members come and go while records flow', async () => {
    const topic = await fresh(3, { sessionTimeout: 3 })
    const received = new Received()
    const handler = received.handler(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20))
    })
    let written = 0
    let writing = true
    const producing = (async () => {
      while (writing) {
        for (const partition of [0, 1, 2]) await topic.write(texts(5, `${written}-${partition}-`), { partition })
        written += 15
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    })()
    const a = topic.source()
    await a.start(handler)
    const b = topic.source()
    await b.start(handler)
    await received.until(({ texts: { length } }) => length > 100)
    await a.stop()
    const c = topic.source()
    await c.start(handler)
    const soFar = received.texts.length
    await received.until(({ texts: { length } }) => length > soFar + 100)
    writing = false
    await producing
    await eventually(() => new Set(received.texts).size === written)
    for (const partition of [0, 1, 2]) {
      await eventually(async () => (await topic.committed(partition)).offset === written / 3)
    }
  })
})
