import type { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import type { Category } from '../telemetry/events.ts'

/**
 * Weight of each category in the budget where the configuration says no other, so that a noisy one cannot eat what the others need. They sum to
 * one. Categories that nothing was heard of yesterday keep a twentieth of theirs for their first day and leave the rest to the others.
 */
export const categoryWeights: Readonly<Record<Category, number>> = {
  extraction: 0.4,
  poisoning: 0.2,
  activation: 0.15,
  signal: 0.15,
  trust: 0.1,
}

const dayMicros = 86_400e6
/** A day is planned for at least so many subjects. */
const smallestPlan = 50
/** The planned subjects of a day share this part of its budget; the rest waits for those nobody expected. */
const plannedPart = 0.9
/** One chance in a hundred is the weakest evidence that opens an incident, however few subjects share the budget. */
const weakestLevel = 0.01
/** A training run is planned for so many sources, shards or clients that are under suspicion at all. */
const runPlan = 25
/** Runs whose books are kept; the run that was opened longest ago makes room. */
const mostRuns = 256
/** What a category keeps of its weight for a day on which it was not expected. */
const reserve = 0.05
/** Stands for the level of a subject that was heard of and not tested. */
const untested = 0

interface Book {
  /** Levels by subject: a subject is tested once a day, at the level that it was given at its first look. */
  readonly levels: Map<string, number>
  /** How many of them were tested. */
  tested: number
  readonly plan: number
  /** Share of the whole budget that the category has on this day. */
  readonly share: number
}

/** What was given out since a budget was made, all days and training runs together: for summaries, no part of the state. */
export interface Ledger {
  readonly days: number
  /** Expected false incidents, training runs included, by category. */
  readonly spent: Readonly<Record<Category, number>>
  readonly runs: number
}

/**
 * Alpha spending over subjects: the levels of all tests of a day sum to at most the budget, whatever the number of subjects, so that the
 * expected number of false incidents that a day opens is at most the budget (each test being valid).
 *
 * The first n subjects of a day, n being a quarter more than yesterday's, share 90 % of the budget evenly. Whoever comes beyond shares
 * the rest in blocks of doubling size, each with half of what is left: a flood of fresh accounts is tested at falling levels.
 *
 * A training run is a day of its own, however long or short it is: its sources and clients share the weight of their category in one
 * budget, and each is tested once a run.
 */
export class Budget {
  readonly perDay: number
  /** They sum to one, whatever was given. */
  readonly weights: Readonly<Record<Category, number>>
  #day = Number.NEGATIVE_INFINITY
  #books = new Map<Category, Book>()
  readonly #runs = new Map<string, Book>()
  readonly #given = { days: 0, runs: 0, spent: zeroes() }

  /** `weights` are positive and count in relation to each other: the sum of the levels is the budget with any of them. */
  constructor(perDay: number, weights: Readonly<Record<Category, number>> = categoryWeights) {
    this.perDay = perDay
    const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0)
    this.weights = Object.fromEntries(Object.entries(weights).map(([category, weight]) => [category, weight / total])) as typeof weights
  }

  /**
   * The level at which a subject of a category is tested on the day of `time` (microseconds), or in a training run where one is named;
   * at most `most`.
   */
  level(category: Category, subject: string, time: number, run: string | null = null, most: number = weakestLevel): number {
    this.#turnTo(Math.floor(time / dayMicros))
    const book = this.#bookOf(category, run)
    let level = book.levels.get(subject) ?? untested
    if (level === untested) {
      level = Math.min(most, this.perDay * book.share * weightOf(book.tested++, book.plan))
      book.levels.set(subject, level)
      this.#given.spent[category] += level
    }
    return level
  }

  /** A subject was heard of that may not be tested yet (its detectors are in warm-up): it is planned for, and takes nothing of the budget. */
  hear(category: Category, subject: string, time: number, run: string | null = null): void {
    this.#turnTo(Math.floor(time / dayMicros))
    const { levels } = this.#bookOf(category, run)
    if (!levels.has(subject)) levels.set(subject, untested)
  }

  /** Sum of all levels given out on the present day, training runs left out: never more than the budget. */
  get spent(): number {
    return Object.values(this.spentBy()).reduce((sum, spent) => sum + spent, 0)
  }

  /** The same by category, and what each was given for the day. */
  spentBy(): Record<Category, number> {
    const sums = zeroes()
    for (const category of Object.keys(categoryWeights) as Category[]) {
      for (const level of this.#books.get(category)?.levels.values() ?? []) sums[category] += level
    }
    return sums
  }

  get ledger(): Ledger {
    return structuredClone(this.#given)
  }

  encode(writer: ByteWriter): void {
    writer.f64(this.#day)
    encodeBooks(writer, this.#books)
    encodeBooks(writer, this.#runs)
  }

  /** Puts what `encode` wrote in place of the books. */
  decode(reader: ByteReader): void {
    this.#day = reader.f64()
    this.#books = decodeBooks(reader) as Map<Category, Book>
    this.#runs.clear()
    for (const [run, book] of decodeBooks(reader)) this.#runs.set(run, book)
  }

  #bookOf(category: Category, run: string | null): Book {
    return run === null ? this.#books.get(category)! : this.#bookOfRun(category, run)
  }

  #bookOfRun(category: Category, run: string): Book {
    const key = `${category}\u0000${run}`
    let book = this.#runs.get(key)
    if (book === undefined) {
      book = { levels: new Map(), tested: 0, plan: runPlan, share: this.weights[category] }
      if (this.#runs.size >= mostRuns) this.#runs.delete(this.#runs.keys().next().value as string)
      this.#runs.set(key, book)
      this.#given.runs++
    }
    return book
  }

  /** Opens the books of a new day. An event of yesterday that comes late is tested in the present day's books. */
  #turnTo(day: number): void {
    if (day <= this.#day) return
    const before = (category: Category): number => this.#books.get(category)?.levels.size ?? 0
    const held = (category: Category): number => this.weights[category] * (before(category) > 0 ? 1 : reserve)
    const categories = Object.keys(categoryWeights) as Category[]
    const total = categories.reduce((sum, category) => sum + held(category), 0)
    this.#books = new Map(
      categories.map((category) => [
        category,
        { levels: new Map(), tested: 0, plan: Math.max(smallestPlan, Math.ceil(1.25 * before(category))), share: held(category) / total },
      ]),
    )
    this.#day = day
    this.#given.days++
  }
}

function zeroes(): Record<Category, number> {
  return Object.fromEntries(Object.keys(categoryWeights).map((category) => [category, 0])) as Record<Category, number>
}

function encodeBooks(writer: ByteWriter, books: ReadonlyMap<string, Book>): void {
  writer.u32(books.size)
  for (const [name, { levels, plan, share }] of books) {
    writer.text(name).f64(plan).f64(share).u32(levels.size)
    for (const [subject, level] of levels) writer.text(subject).f64(level)
  }
}

function decodeBooks(reader: ByteReader): Map<string, Book> {
  const books = new Map<string, Book>()
  for (let left = reader.u32(); left > 0; left--) {
    const name = reader.text()
    const plan = reader.f64()
    const share = reader.f64()
    const levels = new Map<string, number>()
    for (let subjects = reader.u32(); subjects > 0; subjects--) levels.set(reader.text(), reader.f64())
    const tested = [...levels.values()].filter((level) => level !== untested).length
    books.set(name, { levels, tested, plan, share })
  }
  return books
}

/** Share of a day's budget for its `index`-th subject (from 0) under a plan for `plan` subjects. All shares sum to at most 1. */
export function weightOf(index: number, plan: number): number {
  if (index < plan) return plannedPart / plan
  const block = Math.floor(Math.log2((index - plan) / plan + 1))
  return ((1 - plannedPart) * 2 ** -(block + 1)) / (plan * 2 ** block)
}
