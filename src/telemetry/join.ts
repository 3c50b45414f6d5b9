import { deserialize, serialize } from 'node:v8'
import { TidewatchError } from '../errors.ts'
import { fieldRules } from './dialects.ts'
import type { Draft, Role } from './draft.ts'

/** What is remembered of a span while its relatives may still come. */
interface Seen {
  readonly traceId: string
  readonly parentSpanId: string
  readonly role: Role
  readonly time: number
}

interface Held {
  readonly draft: Draft
  /** The span that must be known before the call can be counted. */
  awaits: string
}

/** The record that was mapped last: events that are released later stand behind its own. */
export interface LastRecord {
  readonly topic: string
  readonly epoch: string
  readonly partition: number
  readonly offset: number
  nextIndex: number
}

/** Where the way up from a span ends. */
export type Ancestor =
  /** A call: the span is part of it. `draft` is there while that call still waits itself. */
  | { readonly end: 'call'; readonly spanId: string; readonly draft: Draft | null }
  /** A root, or a span that is not on the way of a request: a call beneath is a call of its own. */
  | { readonly end: 'none' }
  | { readonly end: 'unknown'; readonly spanId: string }

/** Longest way up; longer ones are loops. */
const maxHops = 64
const none: readonly Draft[] = []
const stateFormat = `2 ${fieldRules.map((rule) => rule.field).join(' ')}`

/**
 * The calls of one ordered log whose parent span has not come yet, and the spans that may still get children: bounded in event time and in
 * number. A pure function of the requests that were mapped with it, so that the same log gives the same calls; `encode` and `decode` save it.
 */
export class JoinWindow {
  readonly #windowMicros: number
  readonly #maxSpans: number
  readonly #seen = new Map<string, Seen>()
  readonly #held = new Map<string, Held>()
  readonly #waiting = new Map<string, string[]>()
  #clock = 0
  /** Clock when calls whose time is up were looked for last. */
  #looked = 0
  last: LastRecord = { topic: '', epoch: '', partition: 0, offset: 0, nextIndex: 0 }

  /** `seconds`: how long a call waits, in event time. `maxSpans`: most calls that wait, and most spans that are remembered. */
  constructor(seconds: number, maxSpans: number) {
    this.#windowMicros = seconds * 1e6
    this.#maxSpans = maxSpans
  }

  /** Calls that wait. */
  get size(): number {
    return this.#held.size
  }

  knows(traceId: string, spanId: string): boolean {
    return this.#seen.get(spanId)?.traceId === traceId
  }

  remember(draft: Draft): void {
    const { traceId, spanId, parentSpanId, role, time } = draft
    this.#seen.set(spanId, { traceId, parentSpanId, role, time })
  }

  /** Goes up from the span `spanId` (itself included) through spans that only carry a request. */
  ancestor(traceId: string, spanId: string): Ancestor {
    let id = spanId
    for (let hop = 0; hop < maxHops; hop++) {
      if (id === '') return { end: 'none' }
      const seen = this.#seen.get(id)
      if (seen === undefined || seen.traceId !== traceId) return { end: 'unknown', spanId: id }
      if (seen.role === 'call') return { end: 'call', spanId: id, draft: this.#held.get(id)?.draft ?? null }
      if (seen.role !== 'transport') return { end: 'none' }
      id = seen.parentSpanId
    }
    return { end: 'none' }
  }

  /** Makes a call wait for a span. The draft belongs to the window from here on. */
  hold(draft: Draft, awaits: string): void {
    const held = this.#held.get(draft.spanId)
    if (held === undefined) this.#held.set(draft.spanId, { draft, awaits })
    else held.awaits = awaits
    const list = this.#waiting.get(awaits)
    if (list === undefined) this.#waiting.set(awaits, [draft.spanId])
    else list.push(draft.spanId)
  }

  /** The calls that wait for a span; they no longer wait for it, but are still held until `release` or `hold`. */
  waitingFor(spanId: string): readonly Draft[] {
    if (this.#waiting.size === 0) return none
    const list = this.#waiting.get(spanId)
    if (list === undefined) return none
    this.#waiting.delete(spanId)
    return list.map((id) => this.#held.get(id)!.draft)
  }

  release(draft: Draft): void {
    this.#held.delete(draft.spanId)
  }

  /**
   * Moves the clock on (never back) and gives up the calls that waited long enough or are too many, oldest first. Forgets old spans.
   * Looks for calls whose time is up only when the clock moved by a 64th of the window: looking costs their number.
   */
  advance(timeMicros: number): Draft[] {
    this.#clock = Math.max(this.#clock, timeMicros)
    const expired: Draft[] = []
    let excess = this.#held.size - this.#maxSpans
    const look = this.#clock - this.#looked >= this.#windowMicros / 64
    if (look) this.#looked = this.#clock
    for (const { draft } of this.#held.values()) {
      if (excess <= 0 && !look) break
      if (excess-- > 0 || draft.time + this.#windowMicros < this.#clock) expired.push(draft)
    }
    for (const draft of expired) this.#giveUp(draft)
    for (const [id, seen] of this.#seen) {
      if (this.#seen.size <= this.#maxSpans && seen.time + this.#windowMicros >= this.#clock) break
      this.#seen.delete(id)
    }
    return expired
  }

  /** All calls that wait, oldest first: the log has ended, no parent will come. */
  drain(): Draft[] {
    const all = [...this.#held.values()].map(({ draft }) => draft)
    this.#held.clear()
    this.#waiting.clear()
    return all
  }

  #giveUp(draft: Draft): void {
    const { awaits } = this.#held.get(draft.spanId)!
    const left = this.#waiting.get(awaits)?.filter((id) => id !== draft.spanId) ?? []
    if (left.length === 0) this.#waiting.delete(awaits)
    else this.#waiting.set(awaits, left)
    this.#held.delete(draft.spanId)
  }

  /** The state as bytes. Text of prompts is not in it, unless it is kept on purpose. */
  encode(): Uint8Array {
    return serialize({
      format: stateFormat,
      clock: this.#clock,
      looked: this.#looked,
      last: this.last,
      seen: [...this.#seen],
      held: [...this.#held.values()],
      // Not to be had from `held`: who began to wait for a span first is not who is held longest.
      waiting: [...this.#waiting],
    })
  }

  /** Puts a saved state in place of this one. Throws TW_STATE_MISMATCH where it was saved by a version that reads other fields. */
  decode(bytes: Uint8Array): void {
    const state = deserialize(bytes) as {
      format: string
      clock: number
      looked: number
      last: LastRecord
      seen: [string, Seen][]
      held: Held[]
      waiting: [string, string[]][]
    }
    if (state.format !== stateFormat) throw new TidewatchError('TW_STATE_MISMATCH', 'waiting calls of another version')
    this.#seen.clear()
    this.drain()
    this.#clock = state.clock
    this.#looked = state.looked
    this.last = state.last
    for (const [id, seen] of state.seen) this.#seen.set(id, seen)
    for (const held of state.held) this.#held.set(held.draft.spanId, held)
    for (const [awaits, ids] of state.waiting) this.#waiting.set(awaits, ids)
  }
}
