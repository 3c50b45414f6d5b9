import { F } from './dialects.ts'
import { absorb, type Draft, textOf } from './draft.ts'
import { count, type Tally } from './tally.ts'

/** Longest way up; longer ones are loops. */
const maxHops = 64

export interface TraceJoin {
  /** The call that counts, for calls that are part of it. */
  readonly outermost: ReadonlyMap<Draft, Draft>
  /** Outermost calls whose way up leaves the request, and the first span that is not in it. */
  readonly missing: ReadonlyMap<Draft, string>
}

interface Way {
  readonly call: Draft
  readonly outermost: Draft
  /** Calls on the way. */
  readonly depth: number
  readonly missing: string
}

/**
 * Joins the spans of one request that tell of the same call: a call right under a call, or with nothing between them but clients' and servers'
 * spans on the way of the request. The outermost counts; it takes over what the others tell besides, the next one first. What is part of
 * another call goes to `gone`.
 */
export function joinTraces(
  drafts: readonly Draft[],
  local: ReadonlyMap<string, Draft>,
  gone: Set<Draft>,
  settle: (draft: Draft) => void,
  ignored: Tally,
): TraceJoin {
  const outermost = new Map<Draft, Draft>()
  const missing = new Map<Draft, string>()
  const inner: Way[] = []
  for (const call of drafts) {
    if (call.role !== 'call' || call.parentSpanId === '') continue
    const way = wayUp(call, local)
    if (way.missing !== '') missing.set(way.outermost, way.missing)
    if (way.outermost === call) continue
    outermost.set(call, way.outermost)
    inner.push(way)
  }
  const join = (outer: Draft, part: Draft): void => {
    settle(outer)
    settle(part)
    absorb(outer, part)
    gone.add(part)
    count(ignored, 'same_call')
  }
  inner.sort((a, b) => a.depth - b.depth || a.call.time - b.call.time)
  for (const { call, outermost: outer } of inner) join(outer, call)
  for (const raw of drafts) {
    if (raw.role !== 'raw') continue
    const call = relative(raw, local)
    if (call?.role === 'call') join(outermost.get(call) ?? call, raw)
  }
  return { outermost, missing }
}

function relative(draft: Draft, local: ReadonlyMap<string, Draft>): Draft | undefined {
  const parent = local.get(draft.parentSpanId)
  return parent?.traceId === draft.traceId ? parent : undefined
}

function wayUp(call: Draft, local: ReadonlyMap<string, Draft>): Way {
  let outermost = call
  let depth = 0
  let current = call
  for (let hop = 0; hop < maxHops && current.parentSpanId !== ''; hop++) {
    const parent = relative(current, local)
    if (parent === undefined) return { call, outermost, depth, missing: current.parentSpanId }
    if (parent === call) break
    if (parent.role === 'call') {
      outermost = parent
      depth++
    } else if (parent.role !== 'transport') break
    current = parent
  }
  return { call, outermost, depth, missing: '' }
}

/**
 * Joins calls of one response id that overlap in time and come from different instrumentations: a library's own span beside that of an
 * instrumentation that lost the trace (the stream helper of the Anthropic SDK). The one that began first counts. A response that is sent
 * again from a cache has the same id but does not overlap.
 */
export function joinResponses(drafts: readonly Draft[], gone: Set<Draft>, settle: (draft: Draft) => void, ignored: Tally): void {
  if (!severalScopes(drafts)) return
  const byResponse = new Map<string, Draft[]>()
  for (const call of drafts) {
    const id = call.role === 'call' && !gone.has(call) ? textOf(call, F.responseId) : null
    if (id === null) continue
    const earlier = byResponse.get(id)
    if (earlier === undefined) byResponse.set(id, [call])
    else earlier.push(call)
  }
  for (const same of byResponse.values()) {
    if (same.length < 2) continue
    same.sort((a, b) => a.startMicros - b.startMicros || (a.spanId < b.spanId ? -1 : 1))
    same.forEach((call, index) => {
      const outer = same
        .slice(0, index)
        .find((other) => !gone.has(other) && other.scope !== call.scope && call.startMicros <= other.endMicros)
      if (outer === undefined) return
      settle(outer)
      settle(call)
      absorb(outer, call)
      gone.add(call)
      count(ignored, 'same_call')
    })
  }
}

function severalScopes(drafts: readonly Draft[]): boolean {
  const first = drafts.find((draft) => draft.role === 'call')
  return first !== undefined && drafts.some((draft) => draft.role === 'call' && draft.scope !== first.scope)
}
