import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { BatchHandler, Source, SourceBatch } from '../../src/sources/source.ts'

/** A log to read from, and sources over it. `setup` makes a fresh one (own topic, folder, group) for every test. */
export interface SourceHarness {
  /** Partitions that `write` accepts, from 0. */
  readonly partitions: number
  /** Appends values to a partition and resolves when they are durable. Where `live` is false it is called before `open` only. */
  write(partition: number, values: readonly Uint8Array[]): Promise<void>
  /** A new source over the same log and the same remembered place. The suite stops the one before it first. */
  open(): Source | Promise<Source>
  /** Removes what `setup` made. Sources are stopped by the suite. */
  close(): Promise<void>
}

export interface SourceTraits {
  /** Records can be appended while a source runs. Where false, 64 values of 1 KB must make two batches or more. */
  readonly live: boolean
  /** The source comes to an end, and `ended` resolves. */
  readonly ends: boolean
  /** A second source over the same log goes on after what the first one committed. */
  readonly remembers: boolean
  /** The source goes to the place that `resume` tells, forwards or back. */
  readonly seeks?: boolean
}

/** A record's value: one line of valid OTLP/JSON of about 1 KB that says which record it is. */
export function numberedValue(partition: number, index: number): Uint8Array {
  return Buffer.from(JSON.stringify({ resourceSpans: [], partition, index, padding: 'x'.repeat(950) }))
}

function numberOf(value: Uint8Array): number {
  return JSON.parse(Buffer.from(value).toString()).index
}

function range(partition: number, from: number, to: number): Uint8Array[] {
  return Array.from({ length: to - from }, (_, i) => numberedValue(partition, from + i))
}

/** What a handler saw, with waiting for a condition instead of for a time. */
class Recorder {
  readonly batches: SourceBatch[] = []
  private readonly waiting: { condition: () => boolean; resolve: () => void }[] = []

  note(batch: SourceBatch): void {
    this.batches.push(batch)
    for (const waiter of this.waiting) if (waiter.condition()) waiter.resolve()
  }

  /** Resolves once the condition holds; it is looked at after each batch. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise((resolve) => this.waiting.push({ condition, resolve }))
  }

  numbers(partition: number): number[] {
    return this.batches.filter((batch) => batch.partition === partition).flatMap((batch) => batch.records.map((r) => numberOf(r.value)))
  }

  get records(): number {
    return this.batches.reduce((sum, batch) => sum + batch.records.length, 0)
  }
}

const pauseBriefly = () => new Promise((resolve) => setTimeout(resolve, 600))

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; !(await condition()); ) {
    if (Date.now() > end) throw new Error('the condition did not come true within 20 s')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/**
 * What every Source promises. Import it, say what the source can do, and give it a log:
 *
 *     sourceConformance('journal', { live: true, ends: false, remembers: true }, async () => harness)
 */
export function sourceConformance(name: string, traits: SourceTraits, setup: () => Promise<SourceHarness>): void {
  describe(`${name} source`, () => {
    let harness: SourceHarness
    const opened: Source[] = []

    beforeEach(async () => {
      harness = await setup()
    })

    afterEach(async () => {
      await Promise.all(opened.splice(0).map((source) => source.stop()))
      await harness.close()
    })

    async function open(): Promise<Source> {
      await Promise.all(opened.splice(0).map((source) => source.stop()))
      const source = await harness.open()
      opened.push(source)
      return source
    }

    async function read(source: Source, recorder: Recorder, handler?: BatchHandler): Promise<void> {
      await source.start(async (batch, context) => {
        await handler?.(batch, context)
        recorder.note(batch)
      })
    }

    it('delivers every record of every partition in order, in ranges without holes', async () => {
      const each = 64
      for (let p = 0; p < harness.partitions; p++) await harness.write(p, range(p, 0, each))
      const recorder = new Recorder()
      const source = await open()
      await read(source, recorder, async (_batch, context) => {
        expect(context.owned()).toBe(true)
        await context.heartbeat()
      })
      if (traits.live) {
        await recorder.until(() => recorder.records === each * harness.partitions)
        for (let p = 0; p < harness.partitions; p++) await harness.write(p, range(p, each, 2 * each))
      }
      const total = (traits.live ? 2 : 1) * each
      await recorder.until(() => recorder.records >= total * harness.partitions)
      expect(source.problem()).toBeNull()
      await source.stop()
      for (let p = 0; p < harness.partitions; p++) {
        expect(recorder.numbers(p)).toEqual(Array.from({ length: total }, (_, i) => i))
        let next: number | null = null
        for (const batch of recorder.batches.filter((b) => b.partition === p)) {
          if (next !== null) expect(batch.first).toBe(next)
          next = batch.last + 1
          expect(batch.last).toBeGreaterThanOrEqual(batch.first)
          const offsets = batch.records.map((record) => record.offset)
          expect(offsets).toEqual([...offsets].sort((a, b) => a - b))
          expect(new Set(offsets).size).toBe(offsets.length)
          if (offsets.length > 0) {
            expect(offsets[0]).toBeGreaterThanOrEqual(batch.first)
            expect(offsets.at(-1)).toBeLessThanOrEqual(batch.last)
          }
          expect(batch.topic).not.toBe('')
          expect(batch.epoch).not.toBe('')
        }
      }
      const epochs = new Set(recorder.batches.map((batch) => batch.epoch))
      expect(epochs.size).toBe(1)
    })

    it('works on one batch of a partition at a time', async () => {
      for (let p = 0; p < harness.partitions; p++) await harness.write(p, range(p, 0, 64))
      const recorder = new Recorder()
      const inWork = new Set<number>()
      let overlaps = 0
      const source = await open()
      await read(source, recorder, async (batch) => {
        if (inWork.has(batch.partition)) overlaps++
        inWork.add(batch.partition)
        await new Promise((resolve) => setTimeout(resolve, 5))
        inWork.delete(batch.partition)
      })
      await recorder.until(() => recorder.records >= 64 * harness.partitions)
      expect(overlaps).toBe(0)
    })

    it('delivers a refused batch again, the same range, and nothing after it meanwhile', async () => {
      await harness.write(0, range(0, 0, 64))
      const recorder = new Recorder()
      const attempts: SourceBatch[] = []
      const source = await open()
      await read(source, recorder, async (batch) => {
        if (batch.partition !== 0) return
        attempts.push(batch)
        if (attempts.length <= 2) throw new Error('the store is away')
      })
      await recorder.until(() => recorder.records >= 64)
      for (const attempt of attempts.slice(1, 3)) {
        expect(attempt.first).toBe(attempts[0]!.first)
        expect(attempt.last).toBe(attempts[0]!.last)
        expect(attempt.records.map((record) => numberOf(record.value))).toEqual(attempts[0]!.records.map((r) => numberOf(r.value)))
      }
      expect(recorder.numbers(0)).toEqual(Array.from({ length: 64 }, (_, i) => i))
    })

    it.runIf(traits.remembers)('goes on after the last resolved batch, and not before, when it is opened again', async () => {
      await harness.write(0, range(0, 0, 64))
      const before = new Recorder()
      let refused = 0
      let notifyRefusal = () => {}
      const wasRefused = new Promise<void>((resolve) => {
        notifyRefusal = resolve
      })
      const source = await open()
      let resolvedBatches = 0
      await read(source, before, async () => {
        if (resolvedBatches > 0) {
          refused++
          notifyRefusal()
          throw new Error('refused on purpose')
        }
        resolvedBatches++
      })
      await before.until(() => before.batches.length === 1)
      if (traits.live) await harness.write(0, range(0, 64, 80))
      await wasRefused
      await source.stop()
      expect(refused).toBeGreaterThan(0)
      expect(before.batches).toHaveLength(1)

      const after = new Recorder()
      const total = traits.live ? 80 : 64
      await read(await open(), after)
      await after.until(() => before.records + after.records >= total)
      expect(after.batches[0]!.first).toBe(before.batches[0]!.last + 1)
      expect(after.batches[0]!.epoch).toBe(before.batches[0]!.epoch)
      expect([...before.numbers(0), ...after.numbers(0)]).toEqual(Array.from({ length: total }, (_, i) => i))
    })

    it.runIf(traits.seeks)(
      'begins where it is told, before or after what was committed, and where it was when it is told nothing',
      async () => {
        await harness.write(0, range(0, 0, 64))
        const before = new Recorder()
        const source = await open()
        let handled = 0
        await read(source, before, async () => {
          if (++handled > 1) throw new Error('one batch is enough')
        })
        await before.until(() => before.batches.length === 1)
        await source.stop()
        const { first, last, epoch } = before.batches[0]!
        if (traits.live) await harness.write(0, range(0, 64, 128))
        for (const [told, expected] of [
          [first + 3, first + 3],
          [0, first],
          [last + 9, last + 9],
          [null, last + 1],
        ] as const) {
          const asked: unknown[][] = []
          const after = new Recorder()
          const again = await open()
          const resume = async (...place: unknown[]) => {
            asked.push(place)
            return told
          }
          await again.start(
            async (batch) => {
              after.note(batch)
              throw new Error('not committed')
            },
            { resume },
          )
          await after.until(() => after.batches.length > 0)
          expect(after.batches[0]!.first).toBe(expected)
          expect(after.batches[0]!.records[0]!.offset).toBe(expected)
          // Of every partition once; a source may have other topics besides.
          expect(asked.filter(([topic, , partition]) => topic === after.batches[0]!.topic && partition === 0)).toEqual([
            [after.batches[0]!.topic, epoch, 0],
          ])
        }
      },
    )

    it('holds delivery while paused and loses nothing by it', async () => {
      await harness.write(0, range(0, 0, 64))
      const recorder = new Recorder()
      const source = await open()
      await read(source, recorder, async () => {
        if (recorder.batches.length === 0) source.pause()
      })
      await recorder.until(() => recorder.batches.length === 1)
      const held = recorder.records
      if (traits.live) await harness.write(0, range(0, 64, 128))
      await pauseBriefly()
      expect(recorder.records).toBe(held)
      expect(recorder.batches).toHaveLength(1)
      source.resume()
      const total = traits.live ? 128 : 64
      await recorder.until(() => recorder.records >= total)
      expect(recorder.numbers(0)).toEqual(Array.from({ length: total }, (_, i) => i))
    })

    it('tells its lag: what is not committed, and zero at the end', async () => {
      await harness.write(0, range(0, 0, 64))
      const recorder = new Recorder()
      let letGo = () => {}
      const gate = new Promise<void>((resolve) => {
        letGo = resolve
      })
      let entered = () => {}
      const inHandler = new Promise<void>((resolve) => {
        entered = resolve
      })
      const source = await open()
      await read(source, recorder, async () => {
        entered()
        await gate
      })
      await inHandler
      const total = async () => (await source.lag()).reduce((sum, lag) => sum + lag.records, 0)
      expect(await total()).toBeGreaterThan(0)
      letGo()
      await recorder.until(() => recorder.records >= 64)
      await eventually(async () => (await total()) === 0)
    })

    it('finishes the batch in work when it is stopped, and then delivers nothing more', async () => {
      await harness.write(0, range(0, 0, 64))
      const recorder = new Recorder()
      let letGo = () => {}
      const gate = new Promise<void>((resolve) => {
        letGo = resolve
      })
      let entered = () => {}
      const inHandler = new Promise<void>((resolve) => {
        entered = resolve
      })
      const source = await open()
      await read(source, recorder, async () => {
        entered()
        await gate
      })
      await inHandler
      let stopped = false
      const stopping = source.stop().then(() => {
        stopped = true
      })
      const again = source.stop()
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(stopped).toBe(false)
      letGo()
      await Promise.all([stopping, again])
      await source.stop()
      expect(recorder.batches).toHaveLength(1)
      if (!traits.remembers) return
      if (traits.live) await harness.write(0, range(0, 64, 65))
      const after = new Recorder()
      await read(await open(), after)
      await after.until(() => recorder.records + after.records >= (traits.live ? 65 : 64))
      expect(after.batches[0]!.first).toBe(recorder.batches[0]!.last + 1)
    })

    it.runIf(traits.ends)('ends after its last batch was done', async () => {
      await harness.write(0, range(0, 0, 64))
      const recorder = new Recorder()
      const source = await open()
      await read(source, recorder)
      await source.ended
      expect(recorder.numbers(0)).toEqual(Array.from({ length: 64 }, (_, i) => i))
    })

    it.runIf(!traits.ends)('does not end by itself, but takes what comes later', async () => {
      const recorder = new Recorder()
      const source = await open()
      let ended = false
      source.ended.then(() => {
        ended = true
      })
      await read(source, recorder)
      await harness.write(0, range(0, 0, 3))
      await recorder.until(() => recorder.records >= 3)
      expect(ended).toBe(false)
    })

    it('can be stopped before it was started', async () => {
      const source = await open()
      await source.stop()
      await source.stop()
    })
  })
}
