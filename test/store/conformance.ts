import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { deliveryTable } from '../../src/delivery/outbox.ts'
import type { TidewatchError } from '../../src/errors.ts'
import type { ClientStore, StoreOptions } from '../../src/store/client-store.ts'
import { readMigrations } from '../../src/store/migrate.ts'
import { alertRow, batchRows } from '../../src/store/rows.ts'
import { settingOf } from '../../src/store/settings.ts'
import type { RangeKey, Store, WriteBatch } from '../../src/store/store.ts'
import { tables, writeOrder } from '../../src/store/tables.ts'
import { unstored } from '../../src/store/unstored.ts'
import { alert, batch, call, everyEvent, observation, rangeOf, sparse } from './samples.ts'

/** An engine under test. All stores that it opens see the same data. */
export interface Subject {
  open(options: StoreOptions): Promise<ClientStore>
  /** The next insert (into `table`) loses its connection, before or after it was applied. */
  cut(when: 'before' | 'after', table?: string): Promise<void>
  /** Cuts that have not struck yet. */
  cutsLeft(): Promise<number>
  close(): Promise<void>
}

const DAY = 86_400
const options: StoreOptions = {
  database: 'tidewatch',
  cluster: null,
  retention: { calls: 30 * DAY, aggregates: 400 * DAY, deadLetters: 14 * DAY, alerts: 400 * DAY },
  deduplicationWindow: 10_000,
  salt: 'conformance',
  retry: { firstMs: 1, maxMs: 5 },
}

/** Code of the error that a promise rejects with. */
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'resolved',
    (error: TidewatchError) => error.code,
  )

/** What every store promises. */
export function storeConformance(name: string, start: () => Promise<Subject>): void {
  describe(`store: ${name}`, () => {
    let subject: Subject
    let store: ClientStore
    let databases = 0
    const opened: Store[] = []

    /** A store over a database of its own. */
    const fresh = async (changes: Partial<StoreOptions> = {}): Promise<ClientStore> => {
      const made = await subject.open({ ...options, database: `tidewatch_${++databases}`, ...changes })
      opened.push(made)
      return made
    }

    /** Rows of a topic in a table, and their number when each counts once. */
    const counted = async (table: string, topic: string): Promise<{ rows: number; distinct: number }> => {
      const [row] = await store.query<{ rows: number; distinct: number }>(
        `SELECT count() AS rows, uniqExact((epoch, partition, offset, event_index)) AS distinct FROM ${table} WHERE topic = {topic:String}`,
        { topic },
      )
      return row!
    }

    /** Calls of a model as the views count them. */
    const viewed = async (model: string): Promise<{ minutes: number; principals: number }> => {
      const [row] = await store.query<{ minutes: number; principals: number }>(
        `SELECT (SELECT sum(calls) FROM calls_by_minute WHERE model_name = {model:String}) AS minutes,
                (SELECT sum(calls) FROM principals_by_minute WHERE model_name = {model:String}) AS principals`,
        { model },
      )
      return row!
    }

    beforeAll(async () => {
      subject = await start()
      store = await subject.open(options)
      opened.push(store)
      await store.migrate()
    })

    afterAll(async () => {
      for (const each of opened) await each.close()
      await subject?.close()
    })

    describe('migrations', () => {
      it('make every table once, and change nothing the second time', async () => {
        await store.migrate()
        const rows = await store.query<{ name: string }>(
          `SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'`,
        )
        expect(rows.map((row) => row.name).sort()).toEqual(['_migrations', ...tables.map((table) => table.name)].sort())
        const [applied] = await store.query<{ count: number }>('SELECT count() AS count FROM _migrations')
        expect(applied!.count).toBe((await readMigrations()).length)
      })

      it('complete a run that ended in the middle of a file', async () => {
        const database = `tidewatch_${++databases}`
        const first = 'CREATE TABLE IF NOT EXISTS one {{onCluster}} (a UInt8) ENGINE = {{engine}}MergeTree ORDER BY a;\n'
        const half = await fresh({ database, migrations: await folder({ '900_more.sql': `${first}CREATE TABLE two ();` }) })
        expect(await codeOf(half.migrate())).toBe('TW_STORE_REFUSED')
        const whole = await fresh({ database, migrations: await folder({ '900_more.sql': `${first}${first.replace('one', 'two')}` }) })
        await whole.migrate()
        expect(await whole.query('SELECT max(number) AS number, count() AS count FROM _migrations')).toEqual([
          { number: 900, count: (await readMigrations()).length + 1 },
        ])
        expect(await whole.query('SELECT * FROM one, two')).toEqual([])
      })

      it('are shared by members that start at once', async () => {
        const database = `tidewatch_${++databases}`
        const members = await Promise.all([1, 2, 3].map(() => fresh({ database })))
        await Promise.all(members.map((member) => member.migrate()))
        const [applied] = await members[0]!.query<{ count: number }>('SELECT uniqExact(number) AS count FROM _migrations')
        expect(applied!.count).toBe((await readMigrations()).length)
        await members[1]!.write(sparse('together'))
        expect(await members[2]!.query("SELECT count() AS count FROM incidents WHERE title = 'together'")).toEqual([{ count: 1 }])
      })

      it('refuse a file that was changed after it was applied, and a database of a newer version', async () => {
        const database = `tidewatch_${++databases}`
        await (await fresh({ database, migrations: await folder({ '900_more.sql': '-- one\n' }) })).migrate()
        const changed = await fresh({ database, migrations: await folder({ '900_more.sql': '-- two\n' }) })
        await expect(changed.migrate()).rejects.toMatchObject({
          code: 'TW_STORE_MIGRATION_CHANGED',
          message: expect.stringContaining('900 more'),
        })
        const older = await fresh({ database })
        expect(await codeOf(older.migrate())).toBe('TW_STORE_MIGRATION_CHANGED')
        await (await fresh({ database, migrations: await folder({ '900_more.sql': '-- one\r\n' }) })).migrate()
      })
    })

    describe('a range whose blocks the engine has forgotten', () => {
      const written = writeOrder.filter((table) => !['dead_letter_replays', 'checkpoints'].includes(table))

      it.each([0, 1, 3, 7, written.length])('is completed behind its first %d tables, and nothing stands twice', async (done) => {
        const all = sparse(`forgotten-${done}`)
        const engine = await fresh()
        await engine.migrate()
        const first = Object.fromEntries(written.slice(0, done).map((table) => [table, all.rows[table] ?? []]))
        await engine.write({ ...all, rows: first, base: { salt: 'forgotten', format: 1 } })
        const left = await unstored(engine, all)
        await engine.write({ ...all, rows: left, base: { salt: 'another', format: 1 } })
        for (const table of written) {
          const [found] = await engine.query<{ count: number }>(`SELECT count() AS count FROM ${table}`)
          expect([table, found!.count]).toEqual([table, all.rows[table]?.length ?? 0])
        }
      })
    })

    describe('retention and windows', () => {
      const clauses = async (from: Store) => {
        const rows = await from.query<{ name: string; engine_full: string }>(
          'SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()',
        )
        return new Map(rows.map((row) => [row.name, row.engine_full]))
      }

      it('stand at every table as the configuration says, and follow when it changes', async () => {
        const database = `tidewatch_${++databases}`
        const before = await fresh({ database })
        await before.migrate()
        const after = await fresh({ database, retention: { ...options.retention, calls: 7 * DAY }, deduplicationWindow: 2_000 })
        for (const [from, callDays, window] of [
          [before, 30, 10_000],
          [after, 7, 2_000],
        ] as const) {
          await from.migrate()
          const found = await clauses(from)
          for (const { name, retention } of tables) {
            const clause = found.get(name)!
            expect([name, settingOf(clause, 'non_replicated_deduplication_window')]).toEqual([name, window])
            if (retention === null) continue
            const seconds = retention === 'calls' ? callDays * DAY : options.retention[retention]
            expect([name, clause]).toEqual([name, expect.stringContaining(`TTL stored + toIntervalSecond(${seconds})`)])
          }
        }
      })

      it('count from when a row was stored: an old file does not vanish, a date in the future does not stay', async () => {
        const rows = [
          { time: 1, model: 'old', service: 'ttl', stored: '2099-01-01 00:00:00' },
          { time: '2099-01-01 00:00:00', model: 'future', service: 'ttl', stored: '2020-01-01 00:00:00' },
        ]
        await store.insert('calls', rows, 'ttl')
        await store.command('OPTIMIZE TABLE calls FINAL')
        expect(await store.query(`SELECT model FROM calls WHERE service = 'ttl'`)).toEqual([{ model: 'old' }])
      })

      it('roll old ranges up into one, and the place to go on from stays', async () => {
        const row = (first: number, last: number, stored: string) => ({ topic: 'ttl', epoch: 'e', partition: 0, first, last, stored })
        await store.insert('ranges', [row(0, 9, '2020-01-01 00:00:00'), row(10, 19, '2020-01-02 00:00:00')], 'ttl')
        await store.command('OPTIMIZE TABLE ranges FINAL')
        expect(await store.query(`SELECT first, last FROM ranges WHERE topic = 'ttl'`)).toEqual([{ first: 0, last: 19 }])
        expect(await store.lastRange('ttl', 'e', 0)).toMatchObject({ last: 19 })
      })
    })

    describe('write', () => {
      it('stores what every event says, exactly', async () => {
        const topic = 'every-event'
        const events = everyEvent(topic)
        const written: WriteBatch = {
          range: rangeOf(topic, 0, 9),
          rows: batchRows({ events, deadLetters: [], observations: [observation()], alerts: [], actions: [], deliveries: [] }),
        }
        await store.write(written)
        for (const [table, rows] of Object.entries(written.rows)) {
          if (rows.length === 0 || !('topic' in rows[0]!)) continue
          const columns = Object.keys(rows[0]!).map((column) =>
            /^(time|first_seen|last_seen)$/.test(column) ? `toUnixTimestamp64Micro(${column}) AS ${column}_micros` : column,
          )
          const read = await store.query(
            `SELECT ${columns.join(', ')} FROM ${table} WHERE topic = {topic:String} ORDER BY event_index
             SETTINGS output_format_json_quote_denormals = 1`,
            { topic },
          )
          const expected = rows.map((row) =>
            Object.fromEntries(Object.entries(row).map(([key, value]) => [key === 'time' ? 'time_micros' : key, value])),
          )
          expect(read).toEqual(expected)
        }
      })

      it('takes text that no JSON reader likes', async () => {
        const topic = 'odd-text'
        const odd = ['half \ud800 pair', '\udfff', 'nul \0', '"\\ \n\t\u2028', "'; DROP TABLE calls; --", '\\ud800', '𝄞 中']
        const events = odd.map((name, index) => call({ topic, offset: index, model: name }))
        await store.write(batch(rangeOf(topic, 0, 9), events))
        const read = await store.query<{ model_name: string }>(
          'SELECT model_name FROM calls WHERE topic = {topic:String} ORDER BY offset',
          { topic },
        )
        expect(read.map((row) => row.model_name)).toEqual(
          odd.map((text) => text.replace(/half \ud800|^\udfff$/, (half) => half.replace(/.$/, '\ufffd'))),
        )
      })

      it('counts a batch once however often it comes, in the views too', async () => {
        const topic = 'repeated'
        const events = Array.from({ length: 500 }, (_, index) => call({ topic, offset: index, model: topic, principal: `p${index % 7}` }))
        for (let time = 0; time < 3; time++) await store.write(batch(rangeOf(topic, 0, 499), events))
        expect(await counted('calls', topic)).toEqual({ rows: 500, distinct: 500 })
        expect(await viewed(topic)).toEqual({ minutes: 500, principals: 500 })
      })

      it('counts what differs in range or configuration besides, equal rows or not', async () => {
        const topic = 'distinct'
        const events = [call({ topic, offset: 0, model: topic })]
        await store.write(batch(rangeOf(topic, 0, 0), events))
        await store.write(batch(rangeOf(topic, 0, 1), events))
        await store.write(batch({ ...rangeOf(topic, 0, 0), epoch: 'another' }, events))
        const other = await subject.open({ ...options, salt: 'another' })
        opened.push(other)
        await other.write(batch(rangeOf(topic, 0, 0), events))
        expect((await counted('calls', topic)).rows).toBe(4)
      })

      it('takes a batch of many days, and of times that no clock shows, once', async () => {
        const topic = 'days'
        const times = Array.from({ length: 1_000 }, (_, index) => (index - 10) * DAY * 60 * 1e6)
        const events = [...times, Number.NaN, 1e300, -1e300].map((time, index) => call({ topic, offset: index, model: topic, time }))
        for (let time = 0; time < 2; time++) await store.write(batch(rangeOf(topic, 0, 1_999), events))
        expect(await counted('calls', topic)).toEqual({ rows: 1_003, distinct: 1_003 })
        expect(await viewed(topic)).toEqual({ minutes: 1_003, principals: 1_003 })
      })

      it('takes 50,000 calls as one block, once', async () => {
        const topic = 'big'
        const events = Array.from({ length: 50_000 }, (_, index) =>
          call({ topic, offset: index, model: topic, principal: `p${index % 10_000}`, time: 1_790_000_000_000_000 + index }),
        )
        await subject.cut('after', 'calls')
        for (let time = 0; time < 2; time++) await store.write(batch(rangeOf(topic, 0, 49_999), events))
        expect(await counted('calls', topic)).toEqual({ rows: 50_000, distinct: 50_000 })
        expect(await viewed(topic)).toEqual({ minutes: 50_000, principals: 50_000 })
        const [parts] = await store.query<{ parts: number }>('SELECT uniqExact(_part) AS parts FROM calls WHERE topic = {topic:String}', {
          topic,
        })
        expect(parts!.parts).toBe(1)
      })

      it.each(
        ['calls', 'dead_letters', 'alerts', 'ranges'].flatMap(
          (table) =>
            [
              [table, 'before'],
              [table, 'after'],
            ] as const,
        ),
      )('repeats an insert into %s whose connection is cut %s it is applied', async (table, when) => {
        const topic = `cut-${table}-${when}`
        const whole = sparse(topic)
        await subject.cut(when, table)
        await store.write(whole)
        expect(await subject.cutsLeft()).toBe(0)
        expect(store.problem()).toBeNull()
        for (const each of ['calls', 'dead_letters', 'ranges']) {
          const [row] = await store.query<{ rows: number }>(`SELECT count() AS rows FROM ${each} WHERE topic = {topic:String}`, { topic })
          expect([each, row!.rows]).toEqual([each, each === 'ranges' ? 1 : whole.rows[each]!.length])
        }
        const [alerts] = await store.query<{ rows: number }>('SELECT count() AS rows FROM alerts WHERE title = {topic:String}', { topic })
        expect(alerts!.rows).toBe(whole.rows.alerts!.length)
        expect((await viewed(topic)).minutes).toBe(whole.rows.calls!.length)
      })

      it.each(['calls', 'dead_letters', 'webhook_deliveries', 'ranges'])(
        'leaves a prefix when it ends at %s, without the range, and a repeat completes it',
        async (table) => {
          const topic = `crash-${table}`
          const whole = sparse(topic)
          const { failing, stop } = await stopping()
          await subject.cut('before', table)
          expect(await codeOf(failing.write(whole, stop.signal))).toBe('TW_STORE_UNAVAILABLE')
          expect(failing.problem()).toBeNull()
          expect(await store.lastRange(topic, 'e', 0)).toBeNull()
          const reached = writeOrder.indexOf(table) === -1 ? writeOrder.length : writeOrder.indexOf(table)
          for (const each of ['calls', 'dead_letters'])
            expect([each, (await counted(each, topic)).rows]).toEqual([
              each,
              writeOrder.indexOf(each) < reached ? whole.rows[each]!.length : 0,
            ])
          await store.write(whole)
          for (const each of ['calls', 'dead_letters']) expect((await counted(each, topic)).rows).toBe(whole.rows[each]!.length)
          expect(await store.lastRange(topic, 'e', 0)).toEqual(whole.range)
        },
      )

      it('writes partitions at the same time, and answers questions meanwhile', async () => {
        const topic = 'parallel'
        const writes = [0, 1, 2, 3].flatMap((partition) =>
          [0, 100].map((first) =>
            store.write(
              batch(
                { ...rangeOf(topic, first, first + 99), partition },
                Array.from({ length: 100 }, (_, index) => call({ topic, partition, offset: first + index, model: topic })),
              ),
            ),
          ),
        )
        const asked = await Promise.all(
          Array.from({ length: 8 }, (_, index) => store.query<{ n: number }>('SELECT {n:UInt32} AS n', { n: index })),
        )
        expect(asked.flat().map((row) => row.n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
        await Promise.all(writes)
        expect(await counted('calls', topic)).toEqual({ rows: 800, distinct: 800 })
      })

      it('refuses what cannot be stored, at once and by name', async () => {
        const wrong = batch(rangeOf('wrong', 0, 0), [])
        expect(await codeOf(store.write({ ...wrong, rows: { callz: [{ a: 1 }] } }))).toBe('TW_INTERNAL')
        expect(await codeOf(store.write({ ...wrong, rows: { calls: [{ colour: 'red' }] } }))).toBe('TW_STORE_REFUSED')
        expect(await codeOf(store.write({ ...wrong, rows: { calls: [{ duration_micros: 'long' }] } }))).toBe('TW_STORE_REFUSED')
        expect(await store.lastRange('wrong', 'e', 0)).toBeNull()
      })

      it('any order of writing, repeating, cutting and crashing counts each row once', async () => {
        let runs = 0
        const step = fc.record({
          batch: fc.nat(3),
          fault: fc.constantFrom('none', 'cut', 'crash'),
          when: fc.constantFrom<'before' | 'after'>('before', 'after'),
          table: fc.constantFrom('calls', 'dead_letters', 'alerts', 'ranges'),
        })
        await fc.assert(
          fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
            const topic = `property-${++runs}`
            const batches = [0, 1, 2, 3].map((index) => sparse(topic, index * 10))
            for (const { batch: index, fault, when, table } of steps) {
              if (fault !== 'none') await subject.cut(when, table)
              if (fault === 'crash') {
                const { failing, stop } = await stopping()
                expect(await codeOf(failing.write(batches[index]!, stop.signal))).toBe('TW_STORE_UNAVAILABLE')
              } else await store.write(batches[index]!)
            }
            for (const each of batches) await store.write(each)
            for (const each of ['calls', 'dead_letters']) {
              const expected = batches.reduce((sum, { rows }) => sum + rows[each]!.length, 0)
              expect(await counted(each, topic)).toEqual({ rows: expected, distinct: expected })
              if (each === 'calls') expect(await viewed(topic)).toEqual({ minutes: expected, principals: expected })
            }
            const ranges = await store.query('SELECT first, last FROM ranges WHERE topic = {topic:String} ORDER BY first', { topic })
            expect(ranges).toEqual(batches.map(({ range: { first, last } }) => ({ first, last })))
          }),
          { numRuns: 8, seed: 7 },
        )
      }, 120_000)

      /** A store that gives up at the first fault, as a process that is told to stop. */
      const stopping = async () => {
        const stop = new AbortController()
        const failing = await subject.open({ ...options, retry: { firstMs: 1, maxMs: 1, onFailure: () => stop.abort() } })
        opened.push(failing)
        return { failing, stop }
      }
    })

    describe('lastRange', () => {
      it('is null for what the store does not know, and the furthest range otherwise', async () => {
        const topic = 'last'
        const at = (first: number, last: number, changes: Partial<RangeKey> = {}) => ({ ...rangeOf(topic, first, last), ...changes })
        expect(await store.lastRange(topic, 'e', 0)).toBeNull()
        for (const range of [at(10, 19), at(0, 9), at(100, 2 ** 52), at(5, 5, { epoch: 'f' }), at(7, 8, { partition: 1 })])
          await store.write({ range, rows: {} })
        expect(await store.lastRange(topic, 'e', 0)).toEqual(at(100, 2 ** 52))
        expect(await store.lastRange(topic, 'f', 0)).toEqual(at(5, 5, { epoch: 'f' }))
        expect(await store.lastRange(topic, 'e', 1)).toEqual(at(7, 8, { partition: 1 }))
        expect(await store.lastRange("last' OR 1 = 1 --", 'e', 0)).toBeNull()
      })
    })

    describe('insert', () => {
      const state = (id: string, name: string, attempt: number) => ({ id, target: 'insert', state: name, attempt, created: 1, updated: 1 })
      const states = () => store.query(`SELECT id, state, attempt FROM ${deliveryTable} WHERE target = 'insert' ORDER BY id, attempt`)

      it('is made once for a token, and does not hand its token on to the next', async () => {
        await store.insert(deliveryTable, [state('a', 'pending', 0)], 'one')
        await store.insert(deliveryTable, [state('a', 'pending', 0)], 'one')
        await store.insert(deliveryTable, [state('b', 'attempted', 1)], 'two')
        await store.insert(deliveryTable, [], 'three')
        expect(await states()).toEqual([
          { id: 'a', state: 'pending', attempt: 0 },
          { id: 'b', state: 'attempted', attempt: 1 },
        ])
      })

      it('is tried once: the caller decides what a fault means', async () => {
        await subject.cut('before', deliveryTable)
        expect(await codeOf(store.insert(deliveryTable, [state('c', 'pending', 0)], 'four'))).toBe('TW_STORE_UNAVAILABLE')
        expect(await codeOf(store.insert(deliveryTable, [{ colour: 'red' }], 'five'))).toBe('TW_STORE_REFUSED')
      })
    })

    describe('alerts', () => {
      it('are kept byte for byte; incidents show the latest change', async () => {
        const changes = [
          alert({ id: 'a1', status: 'opened', time: '2026-11-01T10:00:00.000001Z', title: 'first' }),
          alert({ id: 'a2', status: 'updated', time: '2026-11-01T10:00:00.000002Z', title: 'second' }),
          alert({ id: 'a3', status: 'resolved', time: '2026-11-01T10:00:00.000002Z', title: 'third' }),
        ].map((each) => ({ ...each, incident: 'i1' }))
        for (const [index, each] of [changes[2]!, changes[0]!, changes[1]!].entries())
          await store.write({ range: rangeOf('alerts', index, index), rows: { alerts: [alertRow(each)] } })
        const kept = await store.query<{ alert: string; time: string }>(
          `SELECT alert, toString(time) AS time FROM alerts FINAL WHERE incident = 'i1' ORDER BY alerts.time, id`,
        )
        expect(kept.map((row) => row.alert)).toEqual(changes.map((each) => JSON.stringify(each)))
        expect(kept[0]!.time).toBe('2026-11-01 10:00:00.000001')
        expect(await store.query(`SELECT status, title, alert FROM incidents FINAL WHERE incident = 'i1'`)).toEqual([
          { status: 'resolved', title: 'third', alert: JSON.stringify(changes[2]) },
        ])
      })

      it('that came twice under another range are one to whoever reads with FINAL', async () => {
        const row = alertRow(alert({ id: 'twice', time: '2026-11-02T10:00:00.000000Z' }))
        for (const first of [50, 51]) await store.write({ range: rangeOf('alerts', first, first), rows: { alerts: [row] } })
        expect(await store.query(`SELECT count() AS rows FROM alerts FINAL WHERE id = 'twice'`)).toEqual([{ rows: 1 }])
      })
    })

    describe('query', () => {
      it('binds parameters as values, never as text of the statement', async () => {
        const evil = `'; DROP TABLE calls; -- \\' \n\t\0 {x:String} \u2028`
        const [row] = await store.query(
          'SELECT {text:String} AS text, {list:Array(String)} AS list, {none:Nullable(String)} AS none, {number:UInt64} AS number, {float:Float64} AS float',
          { text: evil, list: [evil, "a'b"], none: null, number: 2 ** 53 - 1, float: -1.5 },
        )
        expect(row).toEqual({ text: evil, list: [evil, "a'b"], none: null, number: 2 ** 53 - 1, float: -1.5 })
      })

      it('refuses a wrong statement and a parameter of the wrong type', async () => {
        expect(await codeOf(store.query('SELECT nonsense'))).toBe('TW_STORE_REFUSED')
        expect(await codeOf(store.query('SELECT {n:UInt32} AS n', { n: 'many' }))).toBe('TW_STORE_REFUSED')
        expect(await codeOf(store.command('CREATE TABLE calls'))).toBe('TW_STORE_REFUSED')
      })
    })

    describe('proveDeduplication', () => {
      it('passes where repeats count once, and leaves nothing behind', async () => {
        await store.proveDeduplication()
        expect(await store.query(`SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE '%probe%'`)).toEqual([])
      })

      it('fails where the window is switched off, and leaves nothing behind', async () => {
        const careless = await fresh({ database: options.database, deduplicationWindow: 0 })
        await expect(careless.proveDeduplication()).rejects.toMatchObject({
          code: 'TW_STORE_NO_DEDUPLICATION',
          message: expect.stringContaining('counts 12 in its table and 12 in its view'),
        })
        expect(await store.query(`SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE '%probe%'`)).toEqual([])
      })

      it('fails where one table, or the target of a view, has lost its window; the next start repairs it', async () => {
        for (const table of ['alerts', 'principals_by_minute']) {
          await store.command(`ALTER TABLE ${table} MODIFY SETTING non_replicated_deduplication_window = 0`)
          await expect(store.proveDeduplication()).rejects.toMatchObject({
            code: 'TW_STORE_NO_DEDUPLICATION',
            message: expect.stringContaining(table),
          })
          await store.migrate()
          await store.proveDeduplication()
        }
      })
    })

    it('answers a ping', async () => {
      expect(await store.ping()).toBe(true)
    })
  })
}

/** A folder with the own migrations and some more. */
async function folder(files: Readonly<Record<string, string>>): Promise<URL> {
  const directory = await mkdtemp(join(tmpdir(), 'tidewatch-migrations-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  await cp(new URL('../../src/store/migrations/', import.meta.url), directory, { recursive: true })
  for (const [file, text] of Object.entries(files)) await writeFile(join(directory, file), text)
  return pathToFileURL(`${directory}/`)
}
