import { describe, expect, it } from 'vitest'
import { configSchema, type WebhookConfig } from '../../src/config/schema.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { deliveryRows } from '../../src/delivery/outbox.ts'
import { microsOf } from '../../src/telemetry/time.ts'
import { makeAlert } from '../support/alerts.ts'

const webhooks: WebhookConfig[] = configSchema.parse({
  webhooks: [
    { name: 'pager', url: 'https://pager.example/hook', secret: `whsec_${'A'.repeat(32)}` },
    { name: 'training', url: 'https://training.example/hook', secret: `whsec_${'A'.repeat(32)}`, categories: ['poisoning'] },
  ],
}).webhooks

describe('the outbox', () => {
  it('has one pending row for each alert and each webhook that wants its category', () => {
    const rows = deliveryRows([makeAlert(), makeAlert({ id: 'a-2', category: 'poisoning' })], webhooks)
    expect(rows.map((row) => [row.id, row.target, row.state])).toEqual([
      ['a-0001', 'pager', 'pending'],
      ['a-2', 'pager', 'pending'],
      ['a-2', 'training', 'pending'],
    ])
  })

  it('holds the exact bytes of the alert and is the same for the same alerts', () => {
    const alert = makeAlert({ title: 'ümläut "quoted" \u2028' })
    expect(deliveryRows([alert], webhooks)[0]!.body).toBe(JSON.stringify(alert))
    expect(deliveryRows([alert], webhooks)).toEqual(deliveryRows([alert], webhooks))
  })

  it('puts the changes of an incident that happen at one time in their order, in whichever batches they stand', () => {
    const change = (status: Alert['status'], events: number) => makeAlert({ status, window: { ...makeAlert().window, events } })
    const ordinals = [change('opened', 9), change('updated', 10), change('updated', 20), change('resolved', 20)].map(
      (alert) => deliveryRows([alert], webhooks)[0]!.ordinal as number,
    )
    expect(ordinals).toEqual([...new Set(ordinals)].sort((a, b) => a - b))
  })

  it('reads microseconds out of ISO times', () => {
    expect(microsOf('2026-03-01T12:00:00.123456Z')).toBe(Date.UTC(2026, 2, 1, 12) * 1000 + 123456)
    expect(microsOf('2026-03-01T12:00:00.1Z')).toBe(Date.UTC(2026, 2, 1, 12) * 1000 + 100000)
    expect(microsOf('2026-03-01T12:00:00Z')).toBe(Date.UTC(2026, 2, 1, 12) * 1000)
  })
})
