import { scrubbedPrefix } from './dialects/identity.ts'
import { linkFamily } from './dialects/own.ts'
import { type Action, type CompiledDialects, F, type Field, fieldCount } from './dialects.ts'
import type { AttributeList, SpanEventRecord, SpanRecord } from './otlp/records.ts'
import { atPath, parseJson, parseValue, unquote } from './parse.ts'
import { count, type Tally } from './tally.ts'

/** What a resource says of all records under it. */
export interface Origin {
  readonly service: string
  readonly namespace: string
  readonly environment: string
  readonly samplingRatio: number | null
}

/** What a span is to the mapping; `classify.ts` decides. */
export type Role =
  /** A call of a model. */
  | 'call'
  /** A tool's execution. */
  | 'tool'
  /** A step of an application (agent, chain, retrieval): calls beneath it are calls of their own. */
  | 'step'
  /** A client's or server's span on the way of a request: calls on both sides of it are the same call. */
  | 'transport'
  /** LiteLLM's copy of the raw request under a call: tells parameters that the call does not. */
  | 'raw'
  /** Anything else. */
  | 'other'

export interface Candidate {
  readonly rank: number
  readonly value: string
}

/** `tidewatch.link.KIND`. */
export interface NamedLink {
  readonly kind: string
  readonly value: string
}

export interface ContentPart {
  readonly rank: number
  /** Name of the attribute where it is a member of a family, else ''. */
  readonly name: string
  readonly value: unknown
}

/** Everything that the table reads of one span or log record. Plain data, so that waiting drafts can be saved. */
export interface Draft {
  role: Role
  /** Operation of a call, '' elsewhere. */
  operation: string
  dialect: string
  traceId: string
  spanId: string
  parentSpanId: string
  spanName: string
  scope: string
  startMicros: number
  endMicros: number
  /** Start, as far as the producer's clock is believed. */
  time: number
  failed: boolean
  origin: Origin
  /** By field: rank of the source that gave the value, `absent` where there is none. */
  readonly ranks: Uint8Array
  readonly values: unknown[]
  identities: readonly Candidate[]
  credentials: readonly Candidate[]
  links: readonly NamedLink[]
  content: readonly ContentPart[]
  /** Text that is kept on purpose. */
  text: string | null
  /** Vectors are parsed and text is reduced (`CallWriter.settle`). */
  settled: boolean
}

const absent = 255
const maxIdentityLength = 1024
/** Shared, so that most drafts need no lists of their own. */
const none: readonly never[] = []
const noOrigin: Origin = { service: '', namespace: '', environment: '', samplingRatio: null }

export function createDraft(): Draft {
  return {
    role: 'other',
    operation: '',
    dialect: '',
    traceId: '',
    spanId: '',
    parentSpanId: '',
    spanName: '',
    scope: '',
    startMicros: 0,
    endMicros: 0,
    time: 0,
    failed: false,
    origin: noOrigin,
    ranks: new Uint8Array(fieldCount).fill(absent),
    values: new Array<unknown>(fieldCount).fill(undefined),
    identities: none,
    credentials: none,
    links: none,
    content: none,
    text: null,
    settled: false,
  }
}

function reset(draft: Draft): void {
  draft.role = 'other'
  draft.operation = ''
  draft.dialect = ''
  draft.text = null
  draft.settled = false
  draft.ranks.fill(absent)
  draft.identities = none
  draft.credentials = none
  draft.links = none
  draft.content = none
}

export function has(draft: Draft, field: number): boolean {
  return draft.ranks[field] !== absent
}

export function textOf(draft: Draft, field: number): string | null {
  return draft.ranks[field] === absent ? null : (draft.values[field] as string)
}

export function numberOf(draft: Draft, field: number): number | null {
  return draft.ranks[field] === absent ? null : (draft.values[field] as number)
}

export function flagOf(draft: Draft, field: number): boolean | null {
  return draft.ranks[field] === absent ? null : (draft.values[field] as boolean)
}

export function rawOf(draft: Draft, field: number): unknown {
  return draft.ranks[field] === absent ? undefined : draft.values[field]
}

/** Sets a field to what was made of its value; null empties it. */
export function put(draft: Draft, field: number, value: unknown): void {
  if (draft.ranks[field] === absent) draft.ranks[field] = 0
  if (value === null) draft.ranks[field] = absent
  draft.values[field] = value
}

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
    reset(draft)
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
    reset(draft)
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

/** Not taken over from a span of the same call: a try that failed inside a call that did not. */
const ownOnly: readonly Field[] = ['errorType', 'errorCode', 'errorLevel']
const ownOnlyFields = new Set(ownOnly.map((field) => F[field]))

/**
 * Adds to a call what a span of the same call tells besides: absent fields, all identities, credentials and links, and the text.
 * Both are settled before.
 */
export function absorb(outer: Draft, inner: Draft): void {
  for (let field = 0; field < fieldCount; field++) {
    if (outer.ranks[field] !== absent || inner.ranks[field] === absent) continue
    if (ownOnlyFields.has(field) && !outer.failed) continue
    outer.ranks[field] = inner.ranks[field]!
    outer.values[field] = inner.values[field]
  }
  outer.identities = [...outer.identities, ...inner.identities]
  outer.credentials = [...outer.credentials, ...inner.credentials]
  outer.links = [...outer.links, ...inner.links]
  outer.text ??= inner.text
}
