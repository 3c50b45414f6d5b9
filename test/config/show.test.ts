import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'
import { showConfig } from '../../src/config/show.ts'

const show = (text: string, env: Record<string, string> = {}) => showConfig(parseConfig(text, 'tw.yaml', env), 'tw.yaml')

describe('the configuration in force', () => {
  it('is a configuration itself that says the same', () => {
    const text =
      'kafka: { brokers: [a:9092, b:9092], tls: { ca: x.pem } }\nserver: { port: 0 }\ningest: { joinWindow: 1m }\nlog: { level: debug }'
    const before = parseConfig(text, 'tw.yaml', {}).config
    expect(parseConfig(show(text), 'again.yaml', {}).config).toEqual(before)
  })

  it('says where each value came from, and nothing about defaults', () => {
    const lines = show('seed: 5\nserver:\n  port: ${PORT}\n', { PORT: '9' }).split('\n')
    expect(lines).toContain('seed: 5 # tw.yaml:1')
    expect(lines).toContain('  port: 9 # tw.yaml:3, ${PORT}')
    expect(lines).toContain('  level: info')
    expect(lines).toContain('  joinWindow: 10s')
    expect(lines).toContain('  segmentBytes: 64 MB')
  })

  it('masks every secret', () => {
    const secret = `whsec_${Buffer.from('hunter2hunter2hunter2hunter2').toString('base64')}`
    const text = [
      'store: { url: "http://u:hunter2@h:8123/d?password=hunter2", password: hunter2 }',
      `identity: { key: ${Buffer.from('hunter2hunter2hunter2hunter2hunter2').toString('base64')} }`,
      'kafka: { sasl: { mechanism: plain, username: u, password: hunter2 } }',
      'server: { tokens: [{ name: a, token: hunter2hunter2hunter2, role: viewer }] }',
      `webhooks: [{ name: a, url: "http://h/", secret: ${secret} }]`,
    ].join('\n')
    const shown = show(text)
    expect(shown).not.toMatch(/hunter2|aHVudGVyM/)
    expect(shown).not.toContain(secret)
    expect(shown).toContain('url: http://u:********@h:8123/d?********')
    expect(shown.match(/\*{8}/g)).toHaveLength(7)
  })
})
