import type { CallWriter } from './call.ts'
import { classify } from './classify.ts'
import { believedTime, type ClockLimits } from './clock.ts'
import { absorb, createDraft, type Draft, type Origin } from './draft.ts'
import type { JoinWindow } from './join.ts'
import type { ScopeRecords, SpanRecord } from './otlp/records.ts'
import type { Reader } from './reader.ts'
import { joinResponses, joinTraces } from './request-join.ts'
import { count, type Tally } from './tally.ts'

/** A call or tool call that is complete. */
export interface Finished {
  readonly draft: Draft
  readonly possibleDuplicate: boolean
}

export interface SpanOutcome {
  /** Calls that waited and are complete now come first, then those of the request in its order. */
  readonly finished: Finished[]
  /** Spans that claim to be calls but have no usable time. */
  readonly refused: Draft[]
}

/** Marks a draft without a usable time. */
const noTime = -1

/** Finds the calls in the spans of a request: one for each call that was made, however many spans tell of it. */
export class SpanMapper {
  readonly #reader: Reader
  readonly #writer: CallWriter
  readonly #clock: ClockLimits
  /** Drafts are used again from request to request, but for those that wait. */
  readonly #pool: Draft[] = []

  constructor(reader: Reader, writer: CallWriter, clock: ClockLimits) {
    this.#reader = reader
    this.#writer = writer
    this.#clock = clock
  }

  /**
   * `appendMillis`: append time of the record, 0 where there is none. Without a window every call is complete at once.
   * The drafts are good until the next request is mapped.
   */
  map(
    scopes: readonly { readonly records: ScopeRecords; readonly origin: Origin }[],
    appendMillis: number,
    window: JoinWindow | null,
    clamped: Tally,
    ignored: Tally,
  ): SpanOutcome {
    const local = new Map<string, Draft>()
    const drafts: Draft[] = []
    const refused: Draft[] = []
    let nested = false
    let used = 0
    for (const { records, origin } of scopes) {
      for (const span of records.spans) {
        if (span.spanId !== '' && (local.get(span.spanId)?.traceId === span.traceId || window?.knows(span.traceId, span.spanId))) {
          count(ignored, 'duplicate_span')
          continue
        }
        if (used === this.#pool.length) this.#pool.push(createDraft())
        const draft = this.#pool[used++]!
        this.#read(draft, span, records.scopeName, origin, appendMillis, clamped)
        if (draft.time === noTime) {
          if (draft.role === 'call' || draft.role === 'tool') refused.push(draft)
          else count(ignored, 'not_a_call')
          continue
        }
        if (span.spanId !== '') local.set(span.spanId, draft)
        if (span.parentSpanId !== '') nested = true
        drafts.push(draft)
      }
    }
    const settle = (draft: Draft): void => this.#writer.settle(draft, clamped)
    /** Drafts that are part of another call, or wait. */
    const gone = new Set<Draft>()
    const traces = nested ? joinTraces(drafts, local, gone, settle, ignored) : null
    joinResponses(drafts, gone, settle, ignored)
    const finished = window === null ? [] : this.#joinWindow(window, drafts, local, traces, gone, settle, ignored)
    for (const draft of drafts) {
      if (draft.role === 'call' || draft.role === 'tool') {
        if (!gone.has(draft)) finished.push({ draft, possibleDuplicate: false })
      } else if (draft.role !== 'raw') count(ignored, 'not_a_call')
      else if (!gone.has(draft)) count(ignored, 'raw_request')
    }
    return { finished, refused }
  }

  #read(draft: Draft, span: SpanRecord, scope: string, origin: Origin, appendMillis: number, clamped: Tally): void {
    this.#reader.readSpan(draft, span, scope, origin, clamped)
    classify(draft, span.kind)
    if (draft.role === 'call' || draft.role === 'tool') this.#reader.openJson(draft, clamped)
    const start = span.startMicros > 0 ? span.startMicros : span.endMicros
    draft.time = believedTime(start, appendMillis, this.#clock, clamped) ?? noTime
  }

  /** Joins with what other requests of the log brought; gives the calls that waited and are complete now. */
  #joinWindow(
    window: JoinWindow,
    drafts: readonly Draft[],
    local: ReadonlyMap<string, Draft>,
    traces: ReturnType<typeof joinTraces> | null,
    gone: Set<Draft>,
    settle: (draft: Draft) => void,
    ignored: Tally,
  ): Finished[] {
    const finished: Finished[] = []
    let latest = 0
    for (const draft of drafts) {
      if (draft.spanId !== '') window.remember(draft)
      if (draft.time > latest) latest = draft.time
    }
    for (const { spanId, traceId } of drafts) {
      for (const waiting of window.waitingFor(spanId)) {
        if (waiting.traceId !== traceId) {
          window.hold(waiting, spanId)
          continue
        }
        const ancestor = window.ancestor(traceId, spanId)
        if (ancestor.end === 'unknown') {
          window.hold(waiting, ancestor.spanId)
          continue
        }
        window.release(waiting)
        if (ancestor.end === 'none') {
          finished.push({ draft: waiting, possibleDuplicate: false })
          continue
        }
        const call = local.get(ancestor.spanId)
        this.#joinInto(call === undefined ? ancestor.draft : (traces?.outermost.get(call) ?? call), waiting, settle, ignored)
      }
    }
    for (const [call, missing] of traces?.missing ?? []) {
      if (gone.has(call)) continue
      const ancestor = window.ancestor(call.traceId, missing)
      if (ancestor.end === 'none') continue
      gone.add(call)
      if (ancestor.end === 'call') {
        this.#joinInto(ancestor.draft, call, settle, ignored)
        continue
      }
      settle(call)
      this.#pool[this.#pool.indexOf(call)] = createDraft()
      window.hold(call, ancestor.spanId)
    }
    for (const draft of window.advance(latest)) finished.push({ draft, possibleDuplicate: true })
    return finished
  }

  /** `outer` is null where that call was counted already: then what `inner` tells besides comes too late. */
  #joinInto(outer: Draft | null, inner: Draft, settle: (draft: Draft) => void, ignored: Tally): void {
    count(ignored, outer === null ? 'same_call_late' : 'same_call')
    if (outer === null) return
    settle(outer)
    settle(inner)
    absorb(outer, inner)
  }
}
