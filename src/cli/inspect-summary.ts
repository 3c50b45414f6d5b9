import type { Mapped } from '../telemetry/map.ts'
import { addTally, type Tally } from '../telemetry/tally.ts'

/** Counts over everything that was inspected. */
export class InspectSummary {
  readonly #kinds: Tally = {}
  readonly #dialects: Tally = {}
  readonly #sources: Tally = {}
  readonly #refused: Tally = {}
  readonly #clamped: Tally = {}
  readonly #ignored: Tally = {}
  readonly #principals = new Set<string>()
  #unattributed = 0
  #lastResort = 0
  #sampled = 0

  note(mapped: Mapped, refused: readonly { readonly code: string }[]): void {
    for (const event of mapped.events) {
      add(this.#kinds, event.kind)
      if (event.kind !== 'call') continue
      add(this.#dialects, event.dialect)
      if (event.samplingRatio !== null && event.samplingRatio < 1) this.#sampled++
      if (event.principal === null) {
        this.#unattributed++
        continue
      }
      this.#principals.add(event.principal.id)
      add(this.#sources, event.principal.source)
      if (event.principal.lastResort) this.#lastResort++
    }
    for (const { code } of refused) add(this.#refused, code)
    addTally(this.#clamped, mapped.clamped)
    addTally(this.#ignored, mapped.ignored)
  }

  lines(): string[] {
    const calls = this.#kinds.call ?? 0
    const lines = [...list('events', this.#kinds), ...list('dialects', this.#dialects)]
    if (calls > 0) {
      lines.push(`principals  ${this.#principals.size}${this.#principals.size === 0 ? '' : `, named by ${inline(this.#sources)}`}`)
      if (this.#unattributed > 0)
        lines.push(`            ${this.#unattributed} of ${calls} calls have no principal: nothing can be said about who makes them`)
      if (this.#lastResort > 0)
        lines.push(`            ${this.#lastResort} calls are known by session or conversation only: counts per principal mean little`)
      if (this.#sampled > 0) lines.push(`sampled     ${this.#sampled} calls say that only a share of all calls is traced`)
    }
    lines.push(...list('ignored', this.#ignored), ...list('clamped', this.#clamped), ...list('refused', this.#refused))
    return lines.length === 0 ? ['nothing found: no spans, log records or metric points'] : lines
  }
}

function add(tally: Tally, name: string): void {
  tally[name] = (tally[name] ?? 0) + 1
}

function inline(tally: Tally): string {
  return ordered(tally)
    .map(([name, number]) => `${name} ${number}`)
    .join(', ')
}

function list(title: string, tally: Tally): string[] {
  const entries = ordered(tally)
  return entries.map(([name, number], i) => `${(i === 0 ? title : '').padEnd(10)}  ${String(number).padStart(7)}  ${name}`)
}

function ordered(tally: Tally): [string, number][] {
  return Object.entries(tally).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
}
