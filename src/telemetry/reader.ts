import { scrubbedPrefix } from './dialects/identity.ts'
import { linkFamily } from './dialects/own.ts'
import { type Action, type CompiledDialects, F } from './dialects.ts'
import { type Draft, none, type Origin, resetDraft } from './draft.ts'
import type { AttributeList, SpanEventRecord, SpanRecord } from './otlp/records.ts'
import { atPath, parseJson, parseValue, unquote } from './parse.ts'
import { count, type Tally } from './tally.ts'

const maxIdentityLength = 1024

function plus<T>(list: readonly T[], item: T): readonly T[] {
  if (list === none) return [item]
  ;(list as T[]).push(item)
  return list
}

/** Fills drafts from attributes: one pass over those that are present. JSON is opened only by `openJson`, so only for what turns out to matter. */
export class Reader {
  readonly #dialects: CompiledDialects
  readonly #placeholders: ReadonlySet<string>
  /** JSON texts of the draft in work, not opened yet. */
  readonly #json: { readonly action: Action & { does: 'json' }; readonly value: unknown }[] = []

  constructor(dialects: CompiledDialects, placeholders: ReadonlySet<string>) {
    this.#dialects = dialects
    this.#placeholders = placeholders
  }

  /** Reads a span. */
  readSpan(draft: Draft, span: SpanRecord, scope: string, origin: Origin, clamped: Tally): void {
    resetDraft(draft)
    draft.traceId = span.traceId
    draft.spanId = span.spanId
    draft.parentSpanId = span.parentSpanId
    draft.spanName = span.name
    draft.scope = scope
    draft.startMicros = span.startMicros
    draft.endMicros = span.endMicros
    draft.failed = span.statusCode === 2
    draft.origin = origin
    if (this.#json.length > 0) this.#json.length = 0
    this.#read(draft, span.attributes, '', clamped)
    if (span.events.length > 0) for (const event of span.events) this.#readEvent(draft, event, clamped)
  }

  /** Reads the attributes of a log record or a resource. */
  readAttributes(draft: Draft, attributes: AttributeList, clamped: Tally): void {
    resetDraft(draft)
    this.#json.length = 0
    this.#read(draft, attributes, '', clamped)
  }

  /** Opens the JSON texts of the draft that was read last and takes what the table names inside them. Text that is no JSON is counted (`json`). */
  openJson(draft: Draft, clamped: Tally): void {
    if (this.#json.length === 0) return
    for (const { action, value } of this.#json) {
      const parsed = typeof value === 'string' ? parseJson(value) : value
      if (parsed === undefined) {
        if (value !== '' && value !== 'None') count(clamped, 'json')
        continue
      }
      for (const { path, action: inner } of action.paths) {
        const found = atPath(parsed, path)
        if (found !== undefined && found !== null) this.#act(draft, inner, found, '', '', clamped)
      }
    }
    this.#json.length = 0
  }

  #readEvent(draft: Draft, event: SpanEventRecord, clamped: Tally): void {
    const { slots, names, values } = event.attributes
    for (let i = 0; i < slots.length; i++) {
      for (const action of this.#dialects.actions[slots[i]!]!) {
        if (action.does === 'content' || (action.does === 'field' && action.field === F.errorType && event.name === 'exception'))
          this.#act(draft, action, values[i]!, names[i]!, event.name, clamped)
      }
    }
  }

  #read(draft: Draft, attributes: AttributeList, event: string, clamped: Tally): void {
    const { slots, names, values } = attributes
    const table = this.#dialects.actions
    for (let i = 0; i < slots.length; i++) {
      const actions = table[slots[i]!]
      if (actions === undefined) continue
      for (let k = 0; k < actions.length; k++) this.#act(draft, actions[k]!, values[i]!, names[i]!, event, clamped)
    }
  }

  #act(draft: Draft, action: Action, value: unknown, name: string, event: string, clamped: Tally): void {
    switch (action.does) {
      case 'field': {
        if (action.rank >= draft.ranks[action.field]!) return
        const parsed = parseValue(action.parse, value, clamped)
        if (parsed === undefined) return
        draft.ranks[action.field] = action.rank
        draft.values[action.field] = parsed
        return
      }
      case 'identity':
      case 'credential': {
        const id = this.#identity(action.json ? unquote(value) : value, clamped)
        if (id === null) return
        if (action.does === 'identity') draft.identities = plus(draft.identities, { rank: action.rank, value: id })
        else draft.credentials = plus(draft.credentials, { rank: action.rank, value: id })
        return
      }
      case 'json':
        this.#json.push({ action, value })
        return
      case 'content':
        if (value !== '' && (event === '' ? !action.eventsOnly : action.events.includes(event)))
          draft.content = plus(draft.content, { rank: action.rank, name, value })
        return
      case 'link': {
        const text = this.#identity(value, clamped)
        if (text !== null) draft.links = plus(draft.links, { kind: name.slice(linkFamily.length), value: text })
      }
    }
  }

  /** The text of an identity, or null for what is none: empty, a placeholder, scrubbed. Counts `identity_placeholder`, `identity_too_long`. */
  #identity(value: unknown, clamped: Tally): string | null {
    const text = typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : null
    if (text === null) {
      count(clamped, 'attribute_type')
      return null
    }
    if (text === '') return null
    if (this.#placeholders.has(text) || text.startsWith(scrubbedPrefix)) {
      count(clamped, 'identity_placeholder')
      return null
    }
    if (text.length <= maxIdentityLength) return text
    count(clamped, 'identity_too_long')
    return null
  }
}
