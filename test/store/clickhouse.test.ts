import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { TidewatchError } from '../../src/errors.ts'
import { openClickHouse, type ServerOptions } from '../../src/store/clickhouse.ts'
import type { ClientStore } from '../../src/store/client-store.ts'
import { startClickHouse, type TestServer } from '../support/clickhouse-http/start.ts'
import { type Subject, storeConformance } from './conformance.ts'
import { sparse } from './samples.ts'

const external = process.env.CLICKHOUSE_URL

/** The test server: chDB behind ClickHouse's HTTP interface, spoken to by the real client. */
async function testServer(): Promise<Subject> {
  const server = await startClickHouse()
  return {
    open: async (options) => openClickHouse({ ...options, url: server.url, requestTimeout: 30 }),
    cut: (when, table) => server.fault({ kind: 'cut', when, ...(table !== undefined && { table }) }),
    cutsLeft: () => server.faultsLeft(),
    close: () => server.stop(),
  }
}

/** A real server, in databases that are removed afterwards. Connections are lost on the client's side. */
async function realServer(url: string): Promise<Subject> {
  const prefix = `t${randomBytes(4).toString('hex')}_`
  const cuts: { when: 'before' | 'after'; table: string | undefined }[] = []
  const databases = new Set<string>()
  const open = (options: Omit<ServerOptions, 'url' | 'requestTimeout'>) => openClickHouse({ ...options, url, requestTimeout: 60 })
  return {
    async open(options) {
      const database = prefix + options.database
      databases.add(database)
      const store = open({ ...options, database })
      // biome-ignore lint/complexity/useLiteralKeys: the only way to the client of a store
      const { writer } = store['clients']
      const exec = writer.exec.bind(writer)
      writer.exec = async (parameters) => {
        const index = cuts.findIndex(({ table }) => table === undefined || parameters.query.startsWith(`INSERT INTO \`${table}\``))
        const [cut] = index === -1 ? [] : cuts.splice(index, 1)
        if (cut?.when === 'before') throw new Error('cut before')
        const result = await exec(parameters)
        if (cut?.when === 'after') throw new Error('cut after')
        return result
      }
      await writer.command({ query: 'SELECT 1' }).catch(() => {})
      return store
    },
    async cut(when, table) {
      cuts.push({ when, table })
    },
    cutsLeft: async () => cuts.length,
    async close() {
      const store = openClickHouse({
        url,
        database: 'default',
        requestTimeout: 60,
        cluster: null,
        retention: { calls: 1, aggregates: 1, deadLetters: 1, alerts: 1 },
        deduplicationWindow: 1,
        salt: '',
      })
      for (const database of databases) await store.command(`DROP DATABASE IF EXISTS ${database}`)
      await store.close()
    },
  }
}

if (external) storeConformance(`server at CLICKHOUSE_URL`, () => realServer(external))
storeConformance('server over HTTP', testServer)

describe('store: a server that has trouble', () => {
  let server: TestServer
  let store: ClientStore
  const failures: TidewatchError[] = []
  let waits: (() => void)[] = []

  const make = (changes: Partial<ServerOptions> = {}): ClientStore =>
    openClickHouse({
      url: server.url,
      database: 'tidewatch',
      cluster: null,
      retention: { calls: 86_400, aggregates: 86_400, deadLetters: 86_400, alerts: 86_400 },
      deduplicationWindow: 1_000,
      salt: 'test',
      requestTimeout: 30,
      retry: {
        firstMs: 1,
        maxMs: 20,
        onFailure: (error) => {
          failures.push(error)
          for (const resolve of waits.splice(0)) resolve()
        },
      },
      ...changes,
    })

  /** Resolves with the next failed attempt. */
  const failure = () => new Promise<void>((resolve) => waits.push(resolve))

  const calls = async (topic: string) => {
    const [row] = await store.query<{ rows: number }>('SELECT count() AS rows FROM calls WHERE topic = {topic:String}', { topic })
    return row!.rows
  }

  beforeAll(async () => {
    server = await startClickHouse()
    store = make()
    await store.migrate()
  })

  afterEach(async () => {
    failures.length = 0
    waits = []
    expect(await server.faultsLeft()).toBe(0)
    expect(store.problem()).toBeNull()
  })

  afterAll(async () => {
    await store?.close()
    await server?.stop()
  })

  it.each([
    [252, 'TOO_MANY_PARTS'],
    [241, 'MEMORY_LIMIT_EXCEEDED'],
    [242, 'TABLE_IS_READ_ONLY'],
    [202, 'TOO_MANY_SIMULTANEOUS_QUERIES'],
    [999, 'KEEPER_EXCEPTION'],
  ])('waits through exception %i %s', async (code, name) => {
    await server.fault({ kind: 'exception', code, name, times: 3, table: 'calls' })
    await store.write(sparse(name))
    expect(failures.map((error) => error.code)).toEqual(Array(3).fill('TW_STORE_UNAVAILABLE'))
    expect(failures[0]!.message).toContain(`${code} ${name}`)
    expect(await calls(name)).toBe(3)
  })

  it("waits through a proxy's 502 and 503", async () => {
    await server.fault({ kind: 'status', status: 502, body: '<html>Bad Gateway</html>', table: 'calls' })
    await server.fault({ kind: 'status', status: 503, body: '', table: 'alerts' })
    await store.write(sparse('proxy'))
    expect(failures).toHaveLength(2)
    expect(await calls('proxy')).toBe(3)
  })

  it('gives up waiting for an answer after the deadline, and repeats', async () => {
    const hurried = make({ requestTimeout: 2 })
    await server.fault({ kind: 'hang', table: 'calls' })
    await hurried.write(sparse('hang'))
    // Once for the request that hangs; a machine under load may be too slow for others, too.
    expect(failures.length).toBeGreaterThan(0)
    for (const { code } of failures) expect(code).toBe('TW_STORE_UNAVAILABLE')
    expect(await calls('hang')).toBe(3)
    await hurried.close()
  })

  it('says that it waits and why while the server is down, and goes on when it is back', async () => {
    await server.down()
    const failed = failure()
    const writing = store.write(sparse('down'))
    await failed
    expect(store.problem()).toMatch(/^the store does not take writes since \d{4}-.*ECONNREFUSED/s)
    expect(await store.ping()).toBe(false)
    await expect(store.query('SELECT 1')).rejects.toMatchObject({ code: 'TW_STORE_UNAVAILABLE' })
    await expect(store.migrate()).rejects.toMatchObject({ code: 'TW_STORE_UNAVAILABLE' })
    await server.up()
    await writing
    expect(await calls('down')).toBe(3)
  })

  it('keeps rows and tokens over a crash of the server', async () => {
    await server.fault({ kind: 'cut', when: 'after', table: 'alerts' })
    const failed = failure()
    const writing = store.write(sparse('crash'))
    await failed
    await server.crash()
    await writing
    await store.write(sparse('crash'))
    expect(await calls('crash')).toBe(3)
    expect(await store.query(`SELECT sum(calls) AS calls FROM calls_by_minute WHERE model_name = 'crash'`)).toEqual([{ calls: 3 }])
  })

  it('stops waiting when it is told to', async () => {
    await server.down()
    const stop = new AbortController()
    const failed = failure()
    const writing = store.write(sparse('stop'), stop.signal)
    const outcome = expect(writing).rejects.toMatchObject({ code: 'TW_STORE_UNAVAILABLE' })
    await failed
    stop.abort()
    await outcome
    await server.up()
    await expect(store.write(sparse('stop'), AbortSignal.abort())).rejects.toMatchObject({ code: 'TW_STORE_UNAVAILABLE' })
    expect(await calls('stop')).toBe(0)
  })

  it('does not repeat what is refused', async () => {
    await server.fault({ kind: 'exception', code: 497, name: 'ACCESS_DENIED', table: 'calls' })
    await expect(store.write(sparse('denied'))).rejects.toMatchObject({
      code: 'TW_STORE_REFUSED',
      message: expect.stringContaining('497 ACCESS_DENIED'),
      cause: expect.objectContaining({ code: '497' }),
    })
    expect(failures).toEqual([])
  })

  it('notices a server that does not deduplicate', async () => {
    await server.fault({ kind: 'forget', times: 4 })
    await expect(store.proveDeduplication()).rejects.toMatchObject({
      code: 'TW_STORE_NO_DEDUPLICATION',
      message: expect.stringContaining('counts 12 in its table and 12 in its view'),
    })
  })

  it('would count twice without its protection: the test of the test', async () => {
    await server.fault({ kind: 'forget', times: 20, on: 'any' })
    for (let time = 0; time < 2; time++) await store.write(sparse('forgotten'))
    expect(await calls('forgotten')).toBe(6)
    await server.clearFaults()
  })
})

describe('openClickHouse', () => {
  it('takes user, password and database from the URL, packs requests and asks for packed answers', async () => {
    const seen: { url: URL; headers: Record<string, unknown> }[] = []
    const server = createServer((request, response) => {
      seen.push({ url: new URL(request.url!, 'http://localhost'), headers: request.headers })
      request.resume().on('end', () => response.end(''))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const store = openClickHouse({
      url: `http://us%40er:p%3Ass@127.0.0.1:${port}/watch`,
      database: 'ignored',
      username: 'ignored',
      cluster: null,
      retention: { calls: 1, aggregates: 1, deadLetters: 1, alerts: 1 },
      deduplicationWindow: 1_000,
      salt: '',
      requestTimeout: 5,
    })
    await store.insert('calls', [{ model: 'm' }], 'token')
    await store.close()
    await new Promise((resolve) => server.close(resolve))
    const insert = seen.find(({ url }) => url.searchParams.get('query')?.startsWith('INSERT'))!
    expect(insert.url.searchParams.get('database')).toBe('watch')
    expect(insert.headers.authorization).toBe(`Basic ${Buffer.from('us@er:p:ss').toString('base64')}`)
    expect(insert.headers['content-encoding']).toBe('gzip')
    expect(seen[0]!.headers['accept-encoding']).toBe('gzip')
    vi.restoreAllMocks()
  })
})
