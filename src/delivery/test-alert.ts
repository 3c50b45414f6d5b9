import { randomBytes } from 'node:crypto'
import type { Alert } from '../decisions/alert.ts'
import { ownAlert } from './own-alert.ts'

/** What a receiver answered to one request of a test. */
export interface Answered {
  readonly change: Alert['status']
  readonly delivered: boolean
  /** HTTP status, 0 where there was no answer. */
  readonly status: number
  /** Why it does not count as delivered; null where it does. */
  readonly reason: string | null
  /** The beginning of the answer. */
  readonly text: string
  readonly milliseconds: number
}

/** An incident that says of itself that it is a test: its beginning and its end. `now` in milliseconds. */
export function testAlerts(now: number): readonly Alert[] {
  const name = randomBytes(8).toString('hex')
  const time = new Date(now).toISOString().replace('Z', '000Z')
  const alert = (status: 'opened' | 'resolved') =>
    ownAlert({
      id: `alert_test_${name}_${status}`,
      incident: `inc_test_${name}`,
      status,
      time,
      detector: 'test',
      category: 'trust',
      severity: 'low',
      title: 'Test alert of Tidewatch: nothing is wrong',
      evidence: { summary: 'sent by `tidewatch webhooks test`' },
    })
  return [alert('opened'), alert('resolved')]
}
