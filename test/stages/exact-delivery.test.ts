import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { savePosition } from '../../src/sources/journal/position.ts'
import { fileClaims } from '../../src/stages/file-claims.ts'
import { mixedLog } from '../support/mixed-log.ts'
import { differences } from '../support/stored-rows.ts'
import { type Life, type World, worlds } from './harness.ts'

const log = mixedLog()
/** Enough for every table but the alerts'. */
const beginning = log.slice(0, 45)

let engine: Awaited<ReturnType<typeof worlds>>
/** What an undisturbed run over the whole log, and over its beginning, stores. */
let whole: Record<string, string[]>
let begun: Record<string, string[]>

async function worldOf(records = log): Promise<World> {
  const world = await engine.create()
  await world.append(records)
  return world
}

beforeAll(async () => {
  engine = await worlds()
  const undisturbed = await worldOf(beginning)
  await undisturbed.live()
  begun = await undisturbed.rows()
  await undisturbed.append(log.slice(beginning.length))
  await undisturbed.live()
  whole = await undisturbed.rows()
})

afterAll(() => engine.close())

it('the log fills the tables that are compared', () => {
  for (const table of [
    'calls',
    'calls_by_minute',
    'principals_by_minute',
    'training_samples',
    'metric_points',
    'dead_letters',
    'observations',
  ]) {
    expect(begun[table]!.length, table).toBeGreaterThan(0)
  }
  const statuses = whole.alerts!.map((row) => JSON.parse(row).status)
  expect(statuses).toContain('opened')
  expect(statuses).toContain('resolved')
  expect(whole.webhook_deliveries).toHaveLength(statuses.length)
})

/** In the order of a range's way. The tables between are those that the log fills in every range. */
const points = [
  'claimed',
  'before-calls',
  'after-calls',
  'before-observations',
  'checkpoint',
  'before-checkpoints',
  'before-ranges',
  'after-ranges',
  'stored',
]

describe('after crashes', () => {
  it('at every point, one after the other, the store holds what an undisturbed run stores', async () => {
    const world = await worldOf()
    for (const [index, point] of points.entries()) await world.live({ crashAt: { point, nth: 1 }, batch: 6 + index })
    await world.live()
    expect(differences(await world.rows(), whole)).toEqual([])
    for (const point of points) expect(world.reached.get(point), point).toBeGreaterThan(0)
  }, 120_000)

  it('in any order, with any batches of the source, the store holds what an undisturbed run stores', async () => {
    const life = fc.record({
      point: fc.constantFrom(...points),
      nth: fc.integer({ min: 1, max: 3 }),
      batch: fc.integer({ min: 1, max: 25 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(life, { minLength: 2, maxLength: 5 }), async (lives) => {
        const world = await worldOf(beginning)
        for (const { point, nth, batch } of lives) await world.live({ crashAt: { point, nth }, batch })
        await world.live({ batch: 9 })
        expect(differences(await world.rows(), begun)).toEqual([])
      }),
      { numRuns: 4, seed: 11 },
    )
  }, 120_000)

  it('tells each alert of a stored range, and of none that is read again', async () => {
    const world = await worldOf()
    await world.live({ crashAt: { point: 'after-alerts', nth: 1 } })
    expect(world.told).toEqual([])
    await world.live({ crashAt: { point: 'claimed', nth: 3 } })
    const before = world.told.length
    await world.live()
    await world.live()
    expect(before).toBeGreaterThan(0)
    expect(world.told.map((alert) => JSON.stringify(alert)).sort()).toEqual(whole.alerts!.map((row) => JSON.parse(row).alert).sort())
  }, 60_000)
})

describe('a protection that is broken on purpose is noticed', () => {
  const disturbed = async (first: Life, second: Life) => {
    const world = await worldOf(beginning)
    await world.live({ ...first, batch: 12 })
    await world.live({ ...second, batch: 7 })
    return world.rows()
  }
  const between = { crashAt: { point: 'after-observations', nth: 2 } }

  it('and nothing is where none is', async () => {
    expect(differences(await disturbed(between, {}), begun)).toEqual([])
  })

  it('no claim: the range is cut otherwise after the crash', async () => {
    const broken = { claims: null }
    const rows = await disturbed({ ...between, broken }, { broken })
    expect(rows.calls!.length).toBeGreaterThan(begun.calls!.length)
  })

  it('another token', async () => {
    const world = await worldOf(beginning)
    const claims = fileClaims(world.directory)
    const forgetful = {
      claim: claims.claim,
      latest: async (...place: Parameters<typeof claims.latest>) => {
        const claim = await claims.latest(...place)
        return claim && { ...claim, salt: randomBytes(4).toString('hex') }
      },
    }
    await world.live(between)
    await world.live({ broken: { claims: forgetful } })
    expect((await world.rows()).calls!.length).toBeGreaterThan(begun.calls!.length)
  })

  it('the row of the range first', async () => {
    const world = await worldOf(beginning)
    const write: NonNullable<Life['broken']>['write'] = ({ range, base }) => world.store.write({ range, base, rows: {} })
    await world.live({ crashAt: { point: 'after-ranges', nth: 1 }, broken: { write } })
    await world.live()
    expect((await world.rows()).calls!.length).toBeLessThan(begun.calls!.length)
  })

  it('state that is not restored', async () => {
    const broken = { checkpoints: null, resume: 'store only' } as const
    const rows = await disturbed({ crashAt: { point: 'stored', nth: 2 }, broken }, { broken })
    expect(rows.dead_letters).toEqual(begun.dead_letters)
    expect(rows.observations).not.toEqual(begun.observations)
  })
})

describe('the store says where to go on', () => {
  it('whatever became of the position: premature, rewound, lost', async () => {
    const world = await worldOf(beginning)
    await world.live({ crashAt: { point: 'stored', nth: 2 } })
    const { epoch } = await world.position()
    await savePosition(world.directory, { epoch, next: beginning.length - 3 })
    await world.live({ crashAt: { point: 'after-calls', nth: 2 } })
    await savePosition(world.directory, { epoch, next: 0 })
    await world.live({ crashAt: { point: 'before-ranges', nth: 1 } })
    await rm(join(world.directory, 'position.json'))
    await world.live()
    expect(differences(await world.rows(), begun)).toEqual([])
  })

  it('and before it knows anything, the claim does', async () => {
    const world = await worldOf(beginning)
    await world.live({ crashAt: { point: 'after-calls', nth: 1 } })
    await savePosition(world.directory, { epoch: (await world.claim())!.epoch, next: 5 })
    await world.live()
    expect(differences(await world.rows(), begun)).toEqual([])
  })
})

describe('a configuration that changed while a range was pending', () => {
  it('does not count a row twice, nor lose one: the range is finished under its own tokens', async () => {
    const world = await worldOf(beginning)
    await world.live({ crashAt: { point: 'after-calls', nth: 2 } })
    await world.live({ config: { ingest: { maxDepth: 31 } } })
    expect(differences(await world.rows(), begun)).toEqual([])
  })

  it('does not either when the format of rows did', async () => {
    const world = await worldOf(beginning)
    await world.live({ crashAt: { point: 'after-calls', nth: 2 }, broken: { base: { salt: 'older', format: 0 } } })
    expect(await world.claim()).toMatchObject({ salt: 'older', format: 0 })
    await world.live()
    expect(differences(await world.rows(), begun)).toEqual([])
  })

  it('keeps what the old one stored of the range, and holds from the next one on', async () => {
    const world = await worldOf(beginning)
    await world.live({ crashAt: { point: 'after-calls', nth: 2 }, batch: 10 })
    await world.live({ config: { content: { keep: true } }, batch: 10 })
    const calls = (await world.rows()).calls!.map((row) => JSON.parse(row) as { offset: number; content: string })
    expect(calls).toHaveLength(begun.calls!.length)
    for (const { offset, content } of calls) expect(content === '').toBe(offset < 20)
  })
})
