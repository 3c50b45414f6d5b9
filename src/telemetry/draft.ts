import { F, type Field, fieldCount } from './dialects.ts'

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
/** Shared, so that most drafts need no lists of their own. */
export const none: readonly never[] = []
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

/** Empties a draft, so that it can be used again. */
export function resetDraft(draft: Draft): void {
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
