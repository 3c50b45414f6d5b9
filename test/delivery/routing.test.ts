import { describe, expect, it } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { wants } from '../../src/delivery/routing.ts'
import { makeAlert } from '../support/alerts.ts'

const hook = (rules: object) =>
  configSchema.parse({ webhooks: [{ name: 'a', url: 'https://a.example/', secret: `whsec_${'A'.repeat(32)}`, ...rules }] }).webhooks[0]!

describe('routing', () => {
  it.each([
    [{}, true],
    [{ categories: ['extraction'] }, true],
    [{ categories: ['poisoning', 'trust'] }, false],
    [{ minSeverity: 'high' }, true],
    [{ minSeverity: 'critical' }, false],
    [{ models: ['ticket-router'] }, true],
    [{ models: 'other, ticket-*' }, true],
    [{ models: ['*-router'] }, true],
    [{ models: ['t*t*r'] }, true],
    [{ models: ['ticket'] }, false],
    [{ models: ['ticket-router*router'] }, false],
    [{ subjectKinds: ['principal', 'cluster'] }, true],
    [{ subjectKinds: ['layer'] }, false],
    [{ minSeverity: 'high', subjectKinds: ['layer'] }, false],
  ])('%j', (rules, expected) => {
    expect(wants(hook(rules), makeAlert())).toBe(expected)
  })

  it('by model leaves out what is about no model', () => {
    expect(wants(hook({ models: ['*'] }), makeAlert({ model: null }))).toBe(false)
  })

  it('tells nobody of what is silenced, but of the end of what was told before', () => {
    const silenced = { by: 'ops', time: '2026-03-01T13:00:00.000000Z', until: '2026-03-02T00:00:00.000000Z' }
    const at = (time: string, changes: object = {}) => wants(hook({}), makeAlert({ time, handling: { silenced }, ...changes }))
    expect(at('2026-03-01T14:00:00.000000Z', { status: 'updated' })).toBe(false)
    expect(at('2026-03-01T14:00:00.000000Z', { status: 'resolved' })).toBe(true)
    expect(at('2026-03-01T14:00:00.000000Z', { status: 'opened', opened: '2026-03-01T14:00:00.000000Z' })).toBe(false)
    expect(at('2026-03-01T15:00:00.000000Z', { status: 'resolved', opened: '2026-03-01T14:00:00.000000Z' })).toBe(false)
    expect(at('2026-03-02T00:00:00.000000Z', { status: 'updated' })).toBe(true)
  })
})

describe('secrets', () => {
  const secret = `whsec_${'A'.repeat(32)}`
  const refused = (changes: object) => {
    const result = configSchema.safeParse({ webhooks: [{ name: 'a', url: 'https://a.example/', ...changes }] })
    return result.success ? null : result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join()
  }

  it.each([
    [{ secret }, null],
    [{ secret: [secret, secret] }, null],
    [{ secret: `${secret},${secret}` }, null],
    [{ secret: [secret, secret, secret] }, 'webhooks.0.secret: expected one secret, or two while it is changed'],
    [{ secret: [secret, 'whsec_short'] }, 'webhooks.0.secret: expected `whsec_` and base64 of 24 to 64 bytes'],
    [{}, 'webhooks.0.secret: is required'],
    [{ format: 'slack' }, 'webhooks.0.secret: is required'],
    [{ format: 'slack', secret: 'T0/B0/X' }, null],
    [{ format: 'pagerduty', secret: ['a', 'b'] }, 'webhooks.0.secret: expected one secret'],
    [{ format: 'alertmanager' }, null],
    [{ format: 'ocsf', secret: 'token' }, null],
  ])('%j', (changes, problem) => {
    expect(refused(changes)).toBe(problem)
  })
})
