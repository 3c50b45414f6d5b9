import { describe, expect, it } from 'vitest'
import { configHash } from '../../src/config/hash.ts'
import { parseConfig } from '../../src/config/load.ts'

const hash = (text: string) => configHash(parseConfig(text, 'x.yaml', {}).config)
const defaults = hash('')

describe('the hash of a configuration', () => {
  it('is computed as it always was: ranges that an older process left pending carry it', () => {
    const old = {
      ingest: { maxDepth: 32 },
      identity: { hash: true, key: 'x' },
      content: {},
      deadLetters: {},
      decisions: { disabled: ['b', 'a'] },
      seed: 1,
    }
    expect(configHash(old as never)).toBe('6655284959f69c90f451cc6a0003a4dc')
  })

  it('does not depend on the order or the way of writing', () => {
    expect(hash('content: { keep: true }\ningest: { joinWindow: 60, maxDepth: 8 }')).toBe(
      hash('ingest:\n  maxDepth: 8\n  joinWindow: 1m\ncontent:\n  keep: true'),
    )
  })

  it.each([
    'seed: 2',
    'ingest: { maxDepth: 31 }',
    'ingest: { clock: { maxPast: 1d } }',
    'identity: { hash: false }',
    'identity: { attributes: [tenant] }',
    'content: { embeddingDimensions: 64 }',
    'decisions: { falseIncidentsPerDay: 2 }',
    'decisions: { disabled: [volume] }',
    'deadLetters: { maxBytes: 1 KB }',
  ])('changes with what changes results: %s', (text) => {
    expect(hash(text)).not.toBe(defaults)
  })

  it.each([
    'log: { level: debug }',
    'server: { port: 1234 }',
    'otlp: { http: { port: 0 } }',
    'data: { directory: /elsewhere }',
    'kafka: { brokers: [a:9092] }',
    'store: { url: "http://a/", password: secret }',
    `identity: { key: ${Buffer.alloc(32, 1).toString('base64')} }`,
    'store: { retention: { calls: 1d } }',
  ])('does not change with where things are, nor with secrets: %s', (text) => {
    expect(hash(text)).toBe(defaults)
  })
})
