import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { defaultConfigPath, loadConfig, parseConfig } from '../../src/config/load.ts'
import { ConfigError } from '../../src/config/problems.ts'
import { TidewatchError } from '../../src/errors.ts'

const read = (text: string, env: Record<string, string> = {}) => parseConfig(text, 'tidewatch.yaml', env).config

function problemsOf(text: string, env: Record<string, string> = {}) {
  try {
    read(text, env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

describe('a configuration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidewatch-config-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  it('needs no file, and an empty one is the same', () => {
    const config = loadConfig({ env: {} })
    expect(config.otlp.http).toEqual({ enabled: true, host: '127.0.0.1', port: 4318 })
    expect(config.kafka.brokers).toEqual([])
    expect(config.decisions.falseIncidentsPerDay).toBe(1)
    for (const text of ['', '# nothing but a comment\n', '---\n', '{}']) expect(read(text)).toEqual(config)
  })

  it('is found in the working folder under one name', () => {
    expect(defaultConfigPath(folder)).toBeUndefined()
    writeFileSync(join(folder, 'tidewatch.yaml'), 'seed: 7\n')
    expect(loadConfig({ path: defaultConfigPath(folder), env: {} }).seed).toBe(7)
  })

  it('says which file cannot be read', () => {
    const path = join(folder, 'absent.yaml')
    expect(() => loadConfig({ path, env: {} })).toThrowError(TidewatchError)
    expect(() => loadConfig({ path, env: {} })).toThrowError(/absent\.yaml \(ENOENT\)/)
  })

  it('treats a section whose keys are all commented out as absent', () => {
    expect(read('kafka:\n  # brokers: [a:9092]\nstore:\n').kafka.groupId).toBe('tidewatch')
  })

  it('does not mind a byte order mark', () => {
    writeFileSync(join(folder, 'bom.yaml'), '\uFEFFseed: 3\n')
    expect(loadConfig({ path: join(folder, 'bom.yaml'), env: {} }).seed).toBe(3)
  })
})

describe('what is wrong in a configuration', () => {
  it('is told all at once, by line, column and key, in the order of the file', () => {
    const text = [
      'kafka:',
      '  broker: [localhost:9092]',
      '  startFrom: earlyest',
      'journal:',
      '    maxBytes: lots',
      'server: { port: 99999 }',
      'webhooks:',
      '  - name: soc',
      '    url: https://example.org/hook',
      'logging: {}',
    ].join('\n')
    expect(problemsOf(text).map(({ key, line, column, message }) => `${line}:${column} ${key}: ${message}`)).toEqual([
      '2:3 kafka.broker: unknown key; did you mean `brokers`?',
      '3:3 kafka.startFrom: expected one of `earliest`, `latest`; did you mean `earliest`?',
      '5:5 journal.maxBytes: expected a size: a number of bytes, or text such as `64 KB`, `4 MB`, `2 GB`',
      '6:11 server.port: expected a number <=65535',
      '8:5 webhooks[0].secret: is required',
      '10:1 logging: unknown key; did you mean `log`?',
    ])
  })

  it('stands in the message with the name of the file', () => {
    expect(() => read('\nsede: 1')).toThrowError('tidewatch.yaml:2:1: sede: unknown key; did you mean `seed`?')
  })

  it.each([
    ['kafka:\n  group_id: a', 'unknown key; did you mean `groupId`?'],
    ['brokers: [a:9092]', 'unknown key here; did you mean `kafka.brokers`?'],
    ['kafka: { tls: { ca: a.pem, bundle: b.pem } }', 'unknown key; known are `ca`, `cert`, `key`, `rejectUnauthorized`'],
    ['kafka: { tls: maybe }', 'expected true, false, or the files of a TLS client'],
    ['log: { level: 3 }', 'expected one of `trace`, `debug`, `info`, `warn`, `error`'],
    ['seed: one', 'expected a number, found text'],
    ['kafka: []', 'expected keys and values, found a list'],
    ['- a\n- b', 'expected keys and values, found a list'],
    ['identity: { hash: "yes" }', 'expected true or false, found text'],
    [
      'journal: { fsyncInterval: 20 ms later }',
      'expected a duration: a number of seconds, or text such as `500ms`, `10s`, `5m`, `12h`, `30d`',
    ],
    ['server: { host: 0.0.0.0 }', 'without `server.tokens` only a loopback address such as 127.0.0.1 is accepted'],
    ['identity: { key: c2hvcnQ= }', 'expected base64 of 32 to 4096 bytes'],
    ['store: { url: "file:///etc/passwd" }', 'expected the http:// or https:// URL of a ClickHouse server'],
  ])('%s', (text, message) => {
    expect(problemsOf(text).map((problem) => problem.message)).toEqual([message])
  })

  it('includes broken YAML and keys given twice', () => {
    expect(problemsOf('kafka:\n  brokers: [a\nseed: 1')[0]).toMatchObject({ line: expect.any(Number), message: expect.stringMatching(/./) })
    expect(problemsOf('seed: 1\nseed: 2')[0]).toMatchObject({ line: 2, column: 1, message: 'Map keys must be unique' })
  })

  it('includes aliases that refer to themselves, instead of a stack overflow', () => {
    expect(problemsOf('kafka: &a\n  topics: *a').map(({ message }) => message)).toEqual(['this alias refers to itself or to nothing'])
  })

  it('includes two webhooks of one name and secrets that are none', () => {
    const hook = (name: string, key: string) => `  - { name: ${name}, url: "http://127.0.0.1:9/", secret: ${key} }\n`
    expect(problemsOf(`webhooks:\n${hook('a', secret)}${hook('a', secret)}`).map(({ key }) => key)).toEqual(['webhooks[1].name'])
    expect(problemsOf(`webhooks:\n${hook('a', 'whsec_c2hvcnQ=')}`).map(({ key }) => key)).toEqual(['webhooks[0].secret'])
  })

  it('includes a login in the URL of a webhook, which could never be delivered', () => {
    const text = `webhooks: [{ name: a, url: "http://u:p@127.0.0.1:9/", secret: ${secret} }]`
    expect(problemsOf(text)).toMatchObject([{ key: 'webhooks[0].url', message: expect.stringContaining('without user and password') }])
  })

  it('never shows a configured value: it may be a secret', () => {
    const text = 'store: { password: 12345678, url: hunter2 }\nserver: { tokens: [{ name: a, token: hunter2, role: hunter2 }] }'
    expect(problemsOf(text)).toHaveLength(4)
    for (const { message } of problemsOf(text)) expect(message).not.toMatch(/hunter2|12345678/)
  })
})

describe('environment variables', () => {
  it('fill values in, whole or in part, with defaults', () => {
    const text = 'store:\n  url: http://${HOST}:${PORT:-8123}/\n  username: ${DB_USER:-tide}\nkafka: { brokers: "${BROKERS}" }'
    const config = read(text, { HOST: 'db', DB_USER: '', BROKERS: 'a:9092, b:9092' })
    expect(config.store).toMatchObject({ url: 'http://db:8123/', username: 'tide' })
    expect(config.kafka.brokers).toEqual(['a:9092', 'b:9092'])
  })

  it('take the type that the option has', () => {
    const env = { PORT: '9000', HASH: 'false', PASSWORD: '007', SIZE: '1024', WAIT: '2s' }
    const text =
      'server: { port: "${PORT}" }\nidentity: { hash: "${HASH}" }\nstore:\n  password: ${PASSWORD}\njournal:\n  maxBytes: ${SIZE}\n  fsyncInterval: ${WAIT}'
    const config = read(text, env)
    expect(config.server.port).toBe(9000)
    expect(config.identity.hash).toBe(false)
    expect(config.store.password).toBe('007')
    expect(config.journal.maxBytes).toBe(1024)
    expect(config.journal.fsyncInterval).toBe(2)
  })

  it('that are missing are errors that name them, with nothing else said about that key', () => {
    expect(problemsOf('seed: 1\nserver:\n  port: ${WATCH_PORT}\n')).toEqual([
      { key: 'server.port', line: 3, column: 9, message: 'the environment variable WATCH_PORT is not set' },
    ])
  })

  it('are not read again: their text may hold anything', () => {
    expect(read('store:\n  password: ${P}', { P: '${HOME} # : [' }).store.password).toBe('${HOME} # : [')
  })

  it('can be escaped, and references that are none are told', () => {
    expect(read('store:\n  password: a$${b}').store.password).toBe('a${b}')
    expect(problemsOf('store:\n  password: ${1X}')[0].message).toContain('is no reference to an environment variable')
    expect(problemsOf('store:\n  password: ${X')[0].message).toContain('is no reference to an environment variable')
  })

  it('are not looked for in keys', () => {
    expect(problemsOf('"${X}": 1', { X: 'seed' })[0]).toMatchObject({ key: '${X}' })
  })
})
