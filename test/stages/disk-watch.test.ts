import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { DiskWatch, type DiskWatchOptions } from '../../src/stages/disk-watch.ts'
import { folderBytes } from '../../src/store/folder-size.ts'
import { type GivenWay, giveWay } from '../../src/store/give-way.ts'
import { openStore } from '../../src/store/open.ts'
import { alertRow, batchRows } from '../../src/store/rows.ts'
import type { Store } from '../../src/store/store.ts'
import { tables } from '../../src/store/tables.ts'
import { call } from '../store/samples.ts'
import { makeAlert } from '../support/alerts.ts'

const week = 604_800e6
const WEEKS = 3
const CALLS_A_WEEK = 20_000

describe('the disk that the data folder takes', () => {
  let directory: string
  let store: Store
  const { webhooks } = configSchema.parse({
    webhooks: [{ name: 'soc', url: 'http://127.0.0.1:9/', secret: `whsec_${'A'.repeat(32)}` }],
  })

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tw-disk-'))
    store = await openStore(configSchema.parse({ data: { directory } }), 'test')
    await store.migrate()
  })

  afterAll(async () => {
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })

  afterEach(async () => {
    for (const { name } of tables) await store.command(`TRUNCATE TABLE ${name}`)
  })

  /** Weeks of calls, one of refused records, alerts with deliveries, a checkpoint. */
  async function fill(): Promise<void> {
    for (let at = 0; at < WEEKS; at++) {
      const first = at * CALLS_A_WEEK
      const events = Array.from({ length: CALLS_A_WEEK }, (_, index) =>
        call({
          topic: 't',
          model: `m${index % 5}`,
          offset: first + index,
          time: 1.79e15 + at * week + index * 1000,
          principal: `p${index % 997}`,
        }),
      )
      await write(first, first + CALLS_A_WEEK - 1, { events })
    }
    const letter = {
      topic: 't',
      epoch: 'e',
      partition: 0,
      offset: 1,
      index: 0,
      code: 'TW_TELEMETRY_MALFORMED',
      reason: 'x',
      signal: 'traces',
    } as const
    const place = WEEKS * CALLS_A_WEEK
    await write(place, place, {
      deadLetters: [{ ...letter, time: 1.79e15, bytes: Buffer.from('x'), size: 1 }],
      alerts: [
        makeAlert({ id: 'a1', incident: 'over' }),
        makeAlert({ id: 'a2', incident: 'over', status: 'resolved', time: '2026-03-02T00:00:00.000000Z' }),
        makeAlert({ id: 'a3', incident: 'open' }),
      ],
    })
    const delivery = { target: 'soc', incident: 'i', attempt: 0, created: 0, updated: 0 }
    const states = [
      { ...delivery, id: 'd1', state: 'pending', body: '{}' },
      { ...delivery, id: 'd1', state: 'delivered', attempt: 1 },
      { ...delivery, id: 'd2', state: 'pending', body: '{}' },
    ]
    await store.insert('webhook_deliveries', states, 'deliveries')
    await store.insert('checkpoints', [{ key: 'k', version: 1, checksum: '', blob_base64: 'AA==' }], 'checkpoint')
  }

  async function write(first: number, last: number, outcome: Partial<Parameters<typeof batchRows>[0]>): Promise<void> {
    const nothing = { events: [], deadLetters: [], observations: [], alerts: [], actions: [], deliveries: [] }
    await store.write({ range: { topic: 't', epoch: 'e', partition: 0, first, last }, rows: batchRows({ ...nothing, ...outcome }) })
  }

  const count = async (table: string) => (await store.query<{ n: number }>(`SELECT count() AS n FROM ${table}`))[0]!.n

  it('is freed by whole weeks, what telemetry said before counts, the newest of each after all others, alerts last, bookkeeping never', async () => {
    await fill()
    const oldest: GivenWay[] = []
    await giveWay(store, 1, (step) => oldest.push(step))
    expect(oldest.map(({ table }) => table)).toEqual(['calls'])
    const [left] = await store.query<{ since: string }>(
      "SELECT min(time) > fromUnixTimestamp64Micro(toInt64(1790000000000000 + 20000000), 'UTC') AS since FROM calls",
    )
    expect(left!.since).toBeTruthy()
    expect(await count('calls')).toBe((WEEKS - 1) * CALLS_A_WEEK)
    expect((await store.query<{ n: number }>('SELECT sum(calls) AS n FROM calls_by_minute'))[0]!.n).toBe(WEEKS * CALLS_A_WEEK)

    const steps: GivenWay[] = []
    await giveWay(store, Number.POSITIVE_INFINITY, (step) => steps.push(step))
    const kinds = steps.map(({ table }) => (table.includes('_by_') ? 'counts' : table))
    expect(kinds.filter((kind, at) => kind !== kinds[at - 1])).toEqual([
      ...['calls', 'counts'],
      ...['calls', 'dead_letters', 'counts'],
      ...['webhook_deliveries', 'alerts', 'incidents'],
    ])
    for (const { bytes, until } of steps) {
      expect(bytes).toBeGreaterThanOrEqual(0)
      expect(until).toBeGreaterThan(1_700_000_000)
    }
    // What somebody waits for stays: open incidents, webhooks that are not delivered, and what a restart needs.
    expect(await store.query('SELECT incident, status FROM incidents FINAL')).toEqual([{ incident: 'open', status: 'opened' }])
    expect(await store.query('SELECT id FROM alerts FINAL')).toEqual([{ id: 'a3' }])
    expect(await store.query('SELECT id, state FROM webhook_deliveries')).toEqual([{ id: 'd2', state: 'pending' }])
    expect(await count('ranges')).toBe(WEEKS + 1)
    expect(await count('checkpoints')).toBe(1)
  }, 60_000)

  it('can be written again after it was freed, and a range that is repeated does not count twice', async () => {
    await fill()
    await giveWay(store, 1, () => {})
    const first = Array.from({ length: CALLS_A_WEEK }, (_, index) =>
      call({ topic: 't', model: `m${index % 5}`, offset: index, time: 1.79e15 + index * 1000, principal: `p${index % 997}` }),
    )
    await write(0, CALLS_A_WEEK - 1, { events: first })
    expect(await count('calls')).toBe(WEEKS * CALLS_A_WEEK)
    expect((await store.query<{ n: number }>('SELECT sum(calls) AS n FROM calls_by_minute'))[0]!.n).toBe(WEEKS * CALLS_A_WEEK)
  }, 60_000)

  function watch(maxBytes: number, changes: Partial<DiskWatchOptions> = {}) {
    const dropped: GivenWay[] = []
    const pauses: boolean[] = []
    const disk = new DiskWatch({
      directory,
      maxBytes,
      store,
      webhooks,
      beside: (work) => work(),
      pause: (stopped) => pauses.push(stopped),
      onDropped: (step) => dropped.push(step),
      log: pino({ level: 'silent' }),
      ...changes,
    })
    return { disk, dropped, pauses }
  }

  it('is told at 80 %, and beyond the bound brought below it; the receivers are told once a day that data are gone before their time', async () => {
    await fill()
    const takes = await folderBytes(directory)
    const near = watch(takes * 1.2)
    await near.disk.look()
    expect(near.disk.problems()).toEqual([
      { component: 'disk', reason: expect.stringMatching(/takes 8\d % of data.maxBytes/), blocking: false },
    ])
    expect(near.dropped).toEqual([])

    const over = watch(takes * 0.95)
    await over.disk.look()
    expect(over.dropped.map(({ table }) => table)).toContain('calls')
    expect(over.disk.bytes).toBeLessThan(takes * 0.95)
    expect(await folderBytes(directory)).toBeLessThan(takes * 0.95)
    expect(over.pauses).toEqual([])
    const again = watch((await folderBytes(directory)) * 0.95)
    await again.disk.look()
    const told = await store.query<{ body: string }>("SELECT body FROM webhook_deliveries WHERE state = 'pending' AND id LIKE 'alert_%'")
    expect(told.length).toBe(1)
    expect(JSON.parse(told[0]!.body)).toMatchObject({
      detector: 'data-folder',
      status: 'opened',
      subject: { kind: 'service', id: 'tidewatch' },
      evidence: { summary: expect.stringContaining('calls stored up to 20'), bytes: expect.any(Number) },
    })
  }, 60_000)

  it('stops the reading where nothing is left to drop, says so, and goes on once there is room', async () => {
    const filler = join(directory, 'somebody-elses.bin')
    await store.insert('alerts', [alertRow(makeAlert())], 'one')
    const base = await folderBytes(directory)
    await writeFile(filler, Buffer.alloc(2 * 2 ** 20, 1))
    const { disk, pauses } = watch(base + 2 ** 20)
    await disk.look()
    await disk.look()
    expect(pauses).toEqual([true])
    expect(disk.problems()).toEqual([{ component: 'disk', reason: expect.stringContaining('nothing is left to drop'), blocking: true }])
    await rm(filler)
    await disk.look()
    expect(pauses).toEqual([true, false])
    expect(disk.problems().every(({ blocking }) => !blocking)).toBe(true)
  }, 60_000)

  it('with a store on a server is only told, and of a failing store only logged', async () => {
    const remote = watch(1, { store: null })
    await remote.disk.look()
    expect(remote.pauses).toEqual([true])
    const broken = { query: async () => Promise.reject(new Error('away')), command: store.command, insert: store.insert }
    const failing = watch(1, { store: broken })
    await failing.disk.look()
    expect(failing.disk.bytes).toBeGreaterThan(1)
  })
})
