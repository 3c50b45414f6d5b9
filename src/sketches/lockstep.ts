import type { ByteReader, ByteWriter } from './bytes.ts'

/** Slots of a day; a day is the window. */
export const lockstepSlots = 72
const words = Math.ceil(lockstepSlots / 32)
const slotMicros = 86_400e6 / lockstepSlots

/** In which slots of the last day an account was active. 12 bytes of bits beside its counters. */
export class ActivityBits {
  readonly bits = new Uint32Array(words)
  #newest = Number.NEGATIVE_INFINITY

  /** Takes a call at `time` (microseconds) in; a call of a day before the newest is left out. */
  add(time: number): void {
    const slot = Math.floor(time / slotMicros)
    if (slot > this.#newest) this.turnTo(slot)
    else if (slot <= this.#newest - lockstepSlots) return
    const at = ((slot % lockstepSlots) + lockstepSlots) % lockstepSlots
    this.bits[at >>> 5] |= 1 << (at & 31)
  }

  /** Forgets what is older than a day at `time`. */
  forgetBefore(time: number): void {
    const slot = Math.floor(time / slotMicros)
    if (slot > this.#newest) this.turnTo(slot)
  }

  get count(): number {
    let sum = 0
    for (let i = 0; i < words; i++) sum += bitCount(this.bits[i])
    return sum
  }

  encode(writer: ByteWriter): void {
    writer.f64(this.#newest)
    for (const word of this.bits) writer.u32(word)
  }

  static decode(reader: ByteReader): ActivityBits {
    const activity = new ActivityBits()
    activity.#newest = reader.f64()
    for (let i = 0; i < words; i++) activity.bits[i] = reader.u32()
    return activity
  }

  private turnTo(slot: number): void {
    const from = Math.max(this.#newest + 1, slot - lockstepSlots + 1)
    if (from === slot - lockstepSlots + 1) this.bits.fill(0)
    for (let s = from; s <= slot; s++) {
      const at = ((s % lockstepSlots) + lockstepSlots) % lockstepSlots
      this.bits[at >>> 5] &= ~(1 << (at & 31))
    }
    this.#newest = slot
  }
}

/**
 * Which pairs of accounts are active in the same slots more often than the day's rhythm makes them. For each account the chance to be active
 * in slot s is 1 - exp(-c n_s), n_s being how many accounts are, and c such that the account's own number of slots is expected. What a
 * pair has in common beyond that is judged by Chernoff's bound for a sum of independent indicators (Hoeffding 1963): an edge where -ln of it
 * is at least `surprise`.
 */
export function lockstepEdges(activities: readonly Uint32Array[], popularity: Float64Array, surprise: number): Uint32Array[] {
  const count = activities.length
  const slots = activities.map(slotsOf)
  // Accounts with the same number of active slots have the same chances.
  const byCount: Float64Array[] = []
  const chances = slots.map(({ length }) => {
    byCount[length] ??= chancesOf(length, popularity)
    return byCount[length]
  })
  const edges = activities.map(() => new Uint32Array(Math.ceil(count / 32)))
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) {
      let common = 0
      for (let w = 0; w < words; w++) common += bitCount(activities[i][w] & activities[j][w])
      if (common < 3) continue
      const [few, many] = slots[i].length <= slots[j].length ? [i, j] : [j, i]
      const own = slots[few]
      let expected = 0
      for (let k = 0; k < own.length; k++) expected += chances[many][own[k]]
      if (chernoff(common, expected, own.length) < surprise) continue
      edges[i][j >>> 5] |= 1 << (j & 31)
      edges[j][i >>> 5] |= 1 << (i & 31)
    }
  }
  return edges
}

/** An account that is active in nearly all slots is taken to be so in any. */
const mostFactor = 64
/** The rhythm of a day changes within hours; what is narrower is not rhythm but somebody's doing. Slots to either side. */
const rhythmSlots = 4

/** How many accounts are active in a slot by the rhythm of the day: the mean over three hours (slots of a day are a ring). */
export function popularityOf(activities: Iterable<Uint32Array>): Float64Array {
  const counts = new Float64Array(lockstepSlots)
  for (const bits of activities) for (const slot of slotsOf(bits)) counts[slot]++
  return counts.map((_, slot) => {
    let sum = 0
    for (let step = -rhythmSlots; step <= rhythmSlots; step++) sum += counts[(slot + step + lockstepSlots) % lockstepSlots]
    return sum / (2 * rhythmSlots + 1)
  })
}

export function bitCount(word: number): number {
  let v = word - ((word >>> 1) & 0x55555555)
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333)
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

function slotsOf(bits: Uint32Array): number[] {
  const slots: number[] = []
  for (let slot = 0; slot < lockstepSlots; slot++) if ((bits[slot >>> 5] >>> (slot & 31)) & 1) slots.push(slot)
  return slots
}

/** The expected number of slots is concave in c, so Newton's steps come from below and stop short of nothing. */
function chancesOf(active: number, popularity: Float64Array): Float64Array {
  let c = 0
  for (let step = 0; step < 24; step++) {
    let expected = 0
    let slope = 0
    for (let slot = 0; slot < lockstepSlots; slot++) {
      const idle = Math.exp(-c * popularity[slot])
      expected += 1 - idle
      slope += popularity[slot] * idle
    }
    const missing = active - expected
    if (missing < 1e-6 || !(slope > 0) || c > mostFactor) break
    c += missing / slope
  }
  const factor = Math.min(mostFactor, c)
  return popularity.map((n) => 1 - Math.exp(-factor * n))
}

/** -ln of a bound on the probability of `seen` or more successes of `of`, where `expected` are expected. */
function chernoff(seen: number, expected: number, of: number): number {
  if (seen <= expected) return 0
  const q = seen / of
  const p = Math.max(1e-9, expected / of)
  return of * (q * Math.log(q / p) + (q < 1 ? (1 - q) * Math.log((1 - q) / (1 - p)) : 0))
}
