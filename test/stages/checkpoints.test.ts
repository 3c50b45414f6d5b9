import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Checkpointing } from '../../src/stages/checkpointing.ts'
import { segmentPaths } from '../sources/journal/scratch.ts'
import { mixedLog } from '../support/mixed-log.ts'
import { differences } from '../support/stored-rows.ts'
import { policy, type World, worlds } from './harness.ts'

const log = mixedLog()
/** Three or four checkpoints fall into it. */
const beginning = log.slice(0, 36)
const rest = log.slice(36, 46)

let engine: Awaited<ReturnType<typeof worlds>>
let expected: Record<string, string[]>

beforeAll(async () => {
  engine = await worlds()
  const undisturbed = await engine.create()
  await undisturbed.append([...beginning, ...rest])
  await undisturbed.live()
  expected = await undisturbed.rows()
})

afterAll(() => engine.close())

/** A world that has stored the beginning of the log, and has the rest before it. */
async function halfway(segmentBytes?: number): Promise<World> {
  const world = await engine.create(segmentBytes)
  await world.append(beginning)
  await world.live()
  await world.append(rest)
  return world
}

function firstOffset(segment: string): number {
  return Number(/(\d{16})\.twj$/.exec(segment)![1])
}

async function damage(world: World, which: 'newest' | 'both'): Promise<void> {
  const [newest] = await world.store.query<{ version: number }>('SELECT max(version) AS version FROM checkpoints FINAL')
  const condition = which === 'both' ? '1' : `version = ${newest!.version}`
  await world.store.command(
    `ALTER TABLE checkpoints UPDATE blob_base64 = concat('AAAA', substring(blob_base64, 5)) WHERE ${condition} AND NOT endsWith(key, 'manifest') SETTINGS mutations_sync = 1`,
  )
}

describe('a restart', () => {
  it('reads no more of the log again than lies between two checkpoints', async () => {
    const world = await halfway()
    const records = await world.live()
    // What is new, one interval, and what a range is longer than it.
    expect(records).toBeLessThanOrEqual(rest.length + policy.records + 10)
    expect(differences(await world.rows(), expected)).toEqual([])
  })

  it('reads nothing again after an orderly stop', async () => {
    const world = await engine.create()
    await world.append(beginning)
    await world.live({ orderly: true })
    await world.append(rest)
    expect(await world.live()).toBe(rest.length)
    expect(differences(await world.rows(), expected)).toEqual([])
  })

  it('takes the checkpoint before where the newest one is damaged', async () => {
    const world = await halfway()
    await damage(world, 'newest')
    const records = await world.live()
    expect(world.unusable.map((error) => error.message)).toEqual([expect.stringContaining('is damaged')])
    expect(records).toBeGreaterThan(rest.length + policy.records)
    expect(differences(await world.rows(), expected)).toEqual([])
  })

  it('rebuilds the state from the log where no checkpoint can be used', async () => {
    const world = await halfway(2 ** 28)
    await damage(world, 'both')
    const records = await world.live()
    expect(world.unusable).toHaveLength(2)
    expect(records).toBe(beginning.length + rest.length)
    expect(differences(await world.rows(), expected)).toEqual([])
  })

  it('rebuilds as much as the log still holds', async () => {
    const world = await halfway()
    const oldest = firstOffset((await segmentPaths(world.directory))[0]!)
    await damage(world, 'both')
    expect(oldest).toBeGreaterThan(0)
    expect(await world.live()).toBe(beginning.length + rest.length - oldest)
    const rows = await world.rows()
    for (const table of ['calls', 'calls_by_minute', 'dead_letters', 'metric_points']) expect(rows[table]).toEqual(expected[table])
  })

  it('does not take the state of another seed', async () => {
    const world = await halfway()
    await world.live({ config: { seed: 2 } })
    expect(world.unusable.map((error) => error.message)).toEqual(Array(2).fill(expect.stringContaining('another configuration')))
    const rows = await world.rows()
    for (const table of ['calls', 'dead_letters', 'metric_points']) expect(rows[table]).toEqual(expected[table])
    // Its own state is taken from then on.
    await world.live({ config: { seed: 2 } })
    expect(world.unusable).toHaveLength(2)
  })
})

it('a log that has lost what a saved state goes on from is told of, and read on', async () => {
  const world = await halfway(2000)
  const newest = (await segmentPaths(world.directory)).length
  await damage(world, 'newest')
  // All but the last segments, as a short retention does: the older checkpoint stands before them.
  const lost = (await segmentPaths(world.directory)).slice(0, newest - 2)
  for (const path of lost) await rm(path)
  const first = firstOffset((await segmentPaths(world.directory))[0]!)
  await world.live()
  expect(world.holes).toEqual([[expect.any(Number), first]])
  expect(world.holes[0]![0]).toBeLessThan(first)
}, 60_000)

it('a checkpoint is due after a day of append time, however little was read', () => {
  const day = 86_400
  const checkpointing = new Checkpointing({
    store: { query: async () => [], insert: async () => {} },
    group: 'test',
    policy: { records: 1e9, bytes: 1e9, eventTime: 1e9, mostBytes: 1e9, appendTime: day },
  })
  const note = (timestamp: number) => checkpointing.note({ offset: 0, timestamp, signal: null, headers: {}, value: new Uint8Array(0) })
  note(1_000)
  note(day * 1000)
  expect(checkpointing.due(null)).toBe(false)
  note(day * 1000 + 1_000)
  expect(checkpointing.due(null)).toBe(true)
  checkpointing.stored({ offset: 0, sequence: 0, size: 5 }, null)
  note(day * 1000 + 2_000)
  expect(checkpointing.due(null)).toBe(false)
})

it('the store keeps the last two checkpoints, and the journal what the older of them needs', async () => {
  const world = await engine.create()
  await world.append(log.slice(0, 70))
  await world.live()
  await world.store.command('OPTIMIZE TABLE checkpoints FINAL')
  const manifests = await world.store.query<{ version: number }>(
    "SELECT version FROM checkpoints WHERE endsWith(key, '/manifest') ORDER BY version",
  )
  const versions = await world.store.query<{ version: number }>('SELECT DISTINCT version FROM checkpoints ORDER BY version')
  expect(manifests).toHaveLength(2)
  expect(versions).toEqual(manifests)
  expect(world.lowWater()).toBe(manifests[0]!.version)
  const bases = (await segmentPaths(world.directory)).map(firstOffset)
  expect(bases[0]).toBeGreaterThan(0)
  expect(bases[0]).toBeLessThanOrEqual(world.lowWater())
  expect(bases[1]).toBeGreaterThan(world.lowWater())
}, 60_000)
