import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configHash } from '../../src/config/hash.ts'
import { type Config, configSchema } from '../../src/config/schema.ts'
import { onReach } from '../../src/crash-point.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { deliveryRows } from '../../src/delivery/outbox.ts'
import type { JournalRecord } from '../../src/sources/journal/frame.ts'
import { Journal } from '../../src/sources/journal/journal.ts'
import { loadPosition, type Position } from '../../src/sources/journal/position.ts'
import { JOURNAL_TOPIC, journalSource } from '../../src/sources/journal/source.ts'
import { Checkpointing } from '../../src/stages/checkpointing.ts'
import type { Claim } from '../../src/stages/claims.ts'
import { fileClaims } from '../../src/stages/file-claims.ts'
import { Pipeline, type PipelineOptions } from '../../src/stages/pipeline.ts'
import { PoisonGuard } from '../../src/stages/poison.ts'
import { Stages } from '../../src/stages/stages.ts'
import { openChdb } from '../../src/store/chdb.ts'
import type { ClientStore } from '../../src/store/client-store.ts'
import { FORMAT_VERSION } from '../../src/store/insert.ts'
import { batchRows } from '../../src/store/rows.ts'
import { keyedHash } from '../../src/telemetry/hasher.ts'
import { createMapper } from '../../src/telemetry/map.ts'
import { storedRows } from '../support/stored-rows.ts'

/** A journal and a database of its own, and pipelines over them, one after the other, as processes would be. */
export interface World {
  readonly directory: string
  readonly store: ClientStore
  /** What the pipelines told when a range was stored. */
  readonly told: Alert[]
  readonly unusable: Error[]
  /** Offsets that a state would have had to be rebuilt from and the log no longer held: first missing, first there. */
  readonly holes: [number, number][]
  append(records: readonly JournalRecord[]): Promise<void>
  /**
   * A pipeline over what is there now, until everything is stored or `crashAt` is reached (for the nth time): then its memory is
   * gone, and so is everything that it had not made durable. Resolves with the number of records that went through its stages.
   */
  live(life?: Life): Promise<number>
  /** Points that were reached, by name. */
  readonly reached: Map<string, number>
  rows(): Promise<Record<string, string[]>>
  lowWater(): number
  claim(): Promise<Claim | null>
  /** What the journal has saved of its consumer's place. */
  position(): Promise<Position>
}

export interface Life {
  readonly crashAt?: { readonly point: string; readonly nth: number }
  readonly config?: object
  /** Most records of a batch of the source. */
  readonly batch?: number
  /** Changes on purpose what protects. */
  readonly broken?: Partial<Pick<PipelineOptions, 'claims' | 'checkpoints' | 'base' | 'write'>> & { readonly resume?: 'store only' }
  /** Saves the state at the end, as an orderly stop does. */
  readonly orderly?: boolean
}

export const policy = { records: 8, bytes: 1e9, eventTime: 1e9, mostBytes: 0, appendTime: Number.POSITIVE_INFINITY }

class Crash extends Error {}

/** Databases in one embedded engine. Its folder goes away with `close`. */
export async function worlds(): Promise<{ create(segmentBytes?: number): Promise<World>; close(): Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'tw-worlds-'))
  const stores: ClientStore[] = []
  let count = 0
  return {
    async create(segmentBytes = 200_000) {
      const database = `world_${count++}`
      const store = await openChdb(join(root, 'store'), {
        database,
        cluster: null,
        retention: configSchema.parse({}).store.retention,
        deduplicationWindow: 10_000,
        salt: 'unused',
        retry: { firstMs: 1, maxMs: 5 },
      })
      stores.push(store)
      await store.migrate()
      return createWorld(join(root, database), store, segmentBytes)
    },
    async close() {
      for (const store of stores) await store.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}

async function createWorld(directory: string, store: ClientStore, segmentBytes: number): Promise<World> {
  const told: Alert[] = []
  const unusable: Error[] = []
  const holes: [number, number][] = []
  const reached = new Map<string, number>()
  let checkpoints: Checkpointing | null = null
  const openJournal = () =>
    Journal.open({
      directory,
      fsync: 'never',
      fsyncInterval: 0,
      segmentBytes,
      maxBytes: 2 ** 30,
      lowWater: () => checkpoints?.lowWater ?? 0,
    })

  const live = async ({ crashAt, config: change = {}, batch = 10, broken = {}, orderly = false }: Life = {}): Promise<number> => {
    const config = configSchema.parse({ webhooks: [webhook], ...change })
    const counted = { records: 0 }
    const journal = await openJournal()
    checkpoints = new Checkpointing({ store, group: 'test', policy, onUnusable: (error) => unusable.push(error) })
    const pipeline = createPipeline(config, counted, broken)
    let crashed = () => {}
    const crash = new Promise<'crashed'>((resolve) => {
      crashed = () => resolve('crashed')
    })
    const left = new Map<string, number>()
    onReach((point) => {
      reached.set(point, (reached.get(point) ?? 0) + 1)
      const times = (left.get(point) ?? 0) + 1
      left.set(point, times)
      if (crashAt?.point === point && crashAt.nth === times) {
        crashed()
        // The dead do nothing more.
        onReach(() => {
          throw new Crash()
        })
        throw new Crash()
      }
    })
    const source = journalSource(journal, { limits: { maxBytes: 1e9, maxRecords: batch } })
    const resume: PipelineOptions['stored'] =
      broken.resume === 'store only'
        ? async (...place) => ((await store.lastRange(...place))?.last ?? -1) + 1
        : (...place) => pipeline.place(...place)
    try {
      await source.start((range, context) => pipeline.handle(range, context), { resume })
      const drained = async (): Promise<'drained'> => {
        while ((await source.lag())[0]!.records > 0) await new Promise((resolve) => setTimeout(resolve, 5))
        return 'drained'
      }
      const end = await Promise.race([crash, drained()])
      if (end === 'drained' && orderly) await pipeline.rest()
    } finally {
      await source.stop()
      await journal.close()
      onReach(null)
    }
    return counted.records
  }

  const createPipeline = (config: Config, counted: { records: number }, broken: Exclude<Life['broken'], undefined>): Pipeline => {
    const mapper = createMapper(config, keyedHash(Buffer.alloc(32, 7)))
    const createStages = () => {
      const stages = new Stages(config, mapper)
      const apply = stages.apply.bind(stages)
      stages.apply = (...args) => {
        counted.records++
        return apply(...args)
      }
      return stages
    }
    return new Pipeline({
      createStages,
      guard: new PoisonGuard(config.deadLetters.maxShare, config.deadLetters.maxRun),
      base: { salt: configHash(config), format: FORMAT_VERSION },
      stored: async (...place) => (await store.lastRange(...place))?.last ?? null,
      claims: fileClaims(directory),
      checkpoints,
      write: ({ range, base, outcome, checkpoint }) => {
        const deliveries = deliveryRows(outcome.alerts, config.webhooks)
        return store.write({ range, base, rows: { ...batchRows({ ...outcome, deliveries }), checkpoints: checkpoint } })
      },
      written: ({ outcome }) => told.push(...outcome.alerts),
      onHole: (_topic, _partition, from, to) => holes.push([from, to]),
      ...broken,
    })
  }

  return {
    directory,
    store,
    told,
    unusable,
    holes,
    reached,
    live,
    async append(records) {
      const journal = await openJournal()
      for (const record of records) await journal.append([record])
      await journal.close()
    },
    rows: () => rowsOfAnyJournal(store),
    lowWater: () => checkpoints?.lowWater ?? 0,
    claim: async () => {
      const journal = await openJournal()
      await journal.close()
      return fileClaims(directory).latest(JOURNAL_TOPIC, journal.epoch, 0)
    },
    position: async () => (await loadPosition(directory)) as Position,
  }
}

/** The epoch of a journal is random, and stands in positions. */
async function rowsOfAnyJournal(store: ClientStore): Promise<Record<string, string[]>> {
  const tables = await storedRows(store)
  for (const name in tables) tables[name] = tables[name]!.map((row) => row.replace(/"epoch":"[0-9a-f]{16}"/, '"epoch":"e"')).sort()
  return tables
}

const webhook = { name: 'soc', url: 'http://127.0.0.1:9/', secret: `whsec_${Buffer.alloc(32, 1).toString('base64')}` }
