import type { WebhookConfig } from '../config/schema.ts'
import type { Alert, Severity } from '../decisions/alert.ts'
import { microsOf } from '../telemetry/time.ts'

const rising: readonly Severity[] = ['low', 'medium', 'high', 'critical']

type Routing = Pick<WebhookConfig, 'categories' | 'minSeverity' | 'models' | 'subjectKinds'>

/**
 * Whether a webhook is told of a change. A function of the alert alone. An incident only becomes worse, so whoever heard of one hears of its
 * end.
 */
export function wants({ categories, minSeverity, models, subjectKinds }: Routing, alert: Alert): boolean {
  if (withheld(alert)) return false
  if (categories !== undefined && !categories.includes(alert.category)) return false
  if (rising.indexOf(alert.severity) < rising.indexOf(minSeverity)) return false
  if (subjectKinds !== undefined && !subjectKinds.includes(alert.subject.kind)) return false
  return models === undefined || (alert.model !== null && models.some((pattern) => fits(pattern, alert.model!)))
}

/**
 * Changes under a silence are recorded and nobody is told, except of the end of an incident that was told of before the silence: what
 * opened a page must close it. The same of what falls into an announced change.
 */
export function withheld({ handling, time, opened, status }: Alert): boolean {
  const expected = handling?.expected
  if (expected !== undefined && !(status === 'resolved' && microsOf(opened) < microsOf(expected.from))) return true
  const silence = handling?.silenced
  if (silence === undefined || microsOf(time) >= microsOf(silence.until)) return false
  return !(status === 'resolved' && microsOf(opened) < microsOf(silence.time))
}

/** `*` stands for any text, everything else for itself. */
function fits(pattern: string, text: string): boolean {
  const parts = pattern.split('*')
  if (parts.length === 1) return pattern === text
  const last = parts.pop()!
  let at = 0
  for (const [index, part] of parts.entries()) {
    const found = index === 0 ? (text.startsWith(part) ? 0 : -1) : text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return text.length - at >= last.length && text.endsWith(last)
}
