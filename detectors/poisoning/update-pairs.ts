import type { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'

/** What a pair's past is worth at its next common round: about five rounds count. */
const memory = 0.8
/** A pair is judged from its third common round on: 1 + 0.8 + 0.64. */
const leastWeight = 2.4
/** Bound on memory; who was silent longest makes room: at most 255 pairs of 12 bytes, each kept once for two clients, are 1.5 KB a client. */
const mostClients = 256

export interface PairedClient {
  readonly name: string
  readonly firstSeen: number
  readonly firstRound: number
  /** Rounds in which it took part. */
  rounds: number
  lastRound: number
  looks: number
  /** When the present run of suspicious rounds began: round and time; time 0 where there is none. */
  sinceRound: number
  sinceTime: number
  /** Order in which it was named first among those it acts with; 0 where it never was. */
  lead: number
}

export interface Partners {
  /** Mean of the three largest averages of Fisher's z of the cosine. */
  readonly aligned: number
  /** Mean of the three largest averages of the common part. */
  readonly common: number
  /** Slots of the three with the largest common part. */
  readonly closest: readonly number[]
}

/** Decayed averages over rounds for every pair of clients. */
export class UpdatePairs {
  readonly clients: PairedClient[] = []
  readonly #slots = new Map<string, number>()
  /** Lower triangles, row by row: slot i with slot j < i at i (i - 1) / 2 + j. */
  #weight: Float32Array = new Float32Array(0)
  #aligned: Float32Array = new Float32Array(0)
  #common: Float32Array = new Float32Array(0)

  /** The client's slot; takes that of who was silent longest where there are too many. */
  slotOf(name: string, time: number, round: number, look: number): number {
    let slot = this.#slots.get(name)
    if (slot !== undefined) return slot
    const client: PairedClient = {
      name,
      firstSeen: time,
      firstRound: round,
      rounds: 0,
      lastRound: look,
      looks: 0,
      sinceRound: 0,
      sinceTime: 0,
      lead: 0,
    }
    if (this.clients.length < mostClients) {
      slot = this.clients.push(client) - 1
      this.#grow((this.clients.length * (this.clients.length - 1)) / 2)
    } else {
      slot = 0
      for (let i = 1; i < this.clients.length; i++) if (this.clients[i].lastRound < this.clients[slot].lastRound) slot = i
      // All took part in this round: the newcomer is not followed.
      if (this.clients[slot].lastRound >= look) return -1
      this.#slots.delete(this.clients[slot].name)
      this.clients[slot] = client
      for (let other = 0; other < this.clients.length; other++) if (other !== slot) this.#weight[pairOf(slot, other)] = 0
    }
    this.#slots.set(name, slot)
    return slot
  }

  add(one: number, other: number, aligned: number, common: number): void {
    const at = pairOf(one, other)
    const kept = this.#weight[at] === 0 ? 0 : memory
    this.#weight[at] = kept * this.#weight[at] + 1
    this.#aligned[at] = kept * this.#aligned[at] + aligned
    this.#common[at] = kept * this.#common[at] + common
  }

  /** What a client has in common with its closest partners; null where fewer than `least` pairs are old enough. */
  partnersOf(slot: number, least: number): Partners | null {
    const aligned = new Top()
    const common = new Top()
    let pairs = 0
    for (let other = 0; other < this.clients.length; other++) {
      if (other === slot) continue
      const at = pairOf(slot, other)
      const weight = this.#weight[at]
      if (!(weight > leastWeight)) continue
      pairs++
      aligned.add(this.#aligned[at] / weight, other)
      common.add(this.#common[at] / weight, other)
    }
    return pairs < least ? null : { aligned: aligned.mean, common: common.mean, closest: common.slots }
  }

  encode(writer: ByteWriter): void {
    writer.u16(this.clients.length)
    for (const one of this.clients) {
      writer.text(one.name).f64(one.firstSeen).f64(one.firstRound).u32(one.rounds).u32(one.lastRound).u32(one.looks)
      writer.f64(one.sinceRound).f64(one.sinceTime).u32(one.lead)
    }
    const pairs = (this.clients.length * (this.clients.length - 1)) / 2
    for (const values of [this.#weight, this.#aligned, this.#common]) writer.f32s(values.subarray(0, pairs))
  }

  static decode(reader: ByteReader): UpdatePairs {
    const read = new UpdatePairs()
    const count = reader.u16()
    for (let slot = 0; slot < count; slot++) {
      const name = reader.text()
      read.#slots.set(name, slot)
      read.clients.push({
        name,
        firstSeen: reader.f64(),
        firstRound: reader.f64(),
        rounds: reader.u32(),
        lastRound: reader.u32(),
        looks: reader.u32(),
        sinceRound: reader.f64(),
        sinceTime: reader.f64(),
        lead: reader.u32(),
      })
    }
    const pairs = (count * (count - 1)) / 2
    read.#weight = reader.f32s(pairs)
    read.#aligned = reader.f32s(pairs)
    read.#common = reader.f32s(pairs)
    return read
  }

  #grow(pairs: number): void {
    if (pairs <= this.#weight.length) return
    const size = 2 * pairs
    const grown = (from: Float32Array): Float32Array => {
      const to = new Float32Array(size)
      to.set(from)
      return to
    }
    this.#weight = grown(this.#weight)
    this.#aligned = grown(this.#aligned)
    this.#common = grown(this.#common)
  }
}

/** The three largest values and whose they are. */
class Top {
  readonly #values: number[] = []
  readonly slots: number[] = []

  add(value: number, slot: number): void {
    let at = this.#values.length
    while (at > 0 && this.#values[at - 1] < value) at--
    if (at >= 3) return
    this.#values.splice(at, 0, value)
    this.slots.splice(at, 0, slot)
    if (this.slots.length > 3) {
      this.#values.pop()
      this.slots.pop()
    }
  }

  get mean(): number {
    return this.#values.reduce((sum, value) => sum + value, 0) / 3
  }
}

function pairOf(one: number, other: number): number {
  return one > other ? (one * (one - 1)) / 2 + other : (other * (other - 1)) / 2 + one
}
