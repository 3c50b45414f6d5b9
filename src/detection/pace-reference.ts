import { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import { decayHours } from '../sketches/decayed-sums.ts'
import { SortedValues } from '../sketches/sorted-values.ts'
import type { Reference } from './contract.ts'

/** How fast a subject goes. */
export interface Pace {
  readonly time: number
  /** Declared to be software (a service, an agent, a connector). */
  readonly software: boolean
  /** ln(1 + decayed count) on each scale, one thing counted after the other; 0 where nothing was counted. */
  readonly levels: Float32Array
}

interface Member {
  readonly software: boolean
  readonly levels: Float32Array
  /** When each level was last at its highest. */
  readonly times: Float64Array
}

interface Model {
  readonly location: Float64Array
  readonly spread: Float64Array
  readonly members: number
  readonly software: SoftwarePaces
}

/** Standardised paces of declared software, by subject; empty where it is not told apart. */
class SoftwarePaces {
  readonly bySubject = new Map<string, number>()
  #sum = 0
  #squares = 0

  add(subject: string, z: number): void {
    this.bySubject.set(subject, z)
    this.#sum += z
    this.#squares += z * z
  }

  /** Predictive score among the others, and one pseudo-observation at 0 whose variance is 1. */
  score(subject: string, z: number): number {
    const own = this.bySubject.get(subject)
    const count = this.bySubject.size + (own === undefined ? 1 : 0)
    const mean = (this.#sum - (own ?? 0)) / count
    const variance = Math.max(1, (1 + this.#squares - (own ?? 0) ** 2) / count - mean * mean)
    return (z - mean) / Math.sqrt(variance * (1 + 1 / count))
  }
}

const smallestPopulation = 30
/** Bound on memory, some hundred bytes a member. The member that was silent longest makes room. */
const largestPopulation = 5000
/** A member's highest levels count for two weeks. */
const retentionMicros = 14 * 86_400e6
/**
 * Nothing is scored before: who is compared with others that have hardly begun looks fast, and highest scores are remembered. Half of the day that
 * populations warm up for.
 */
const maturityMicros = 12 * 3.6e9
/** Paces are taken to differ by a factor e^0.5 at least. */
const leastSpread = 0.5
/** Less than this much is nobody's harvest, however quiet the others are, and not worth a person's time. */
const leastLevel = Math.log1p(20)
/** Hampel's rule: what is more than three robust standard deviations out may be something else. */
const fence = 3
/** What is counted, by its place in the levels. */
const counted = ['new inputs', 'new parts of the input space'] as const
/** Standard deviations beyond what is usual from which a pace is worth a person's time. */
export const paceFloor = 2.5

/**
 * How fast a subject goes beside the others, where it is most unusual: the largest, over time scales and over what is counted, of
 * (ln(1 + count) - median) / spread, both from the highest counts that the others ever reached there (spread: from the quantiles 3/4 and 9/10,
 * whichever says more, so that the few fastest do not set it).
 *
 * Software that the telemetry declares as such (`tidewatch.principal.kind`) is faster than people by its nature, and differs more. It is compared
 * with other software: its score is put on the scale of what that scores, whose mean and variance are drawn towards those of people by one
 * pseudo-observation. So the first service of a deployment is judged nearly as a person, and the tenth as a service.
 */
export class PaceReference implements Reference {
  readonly #members = new Map<string, Member>()
  #model: Model | null = null
  #learnedSince = 0
  #since = Number.NaN
  /** What each member would score now with its highest levels; derived from members and model. */
  #scores = new Map<string, number>()
  #sorted = new SortedValues()

  score(subject: string, sketch: Uint8Array, learn: boolean) {
    const pace = decodePace(sketch)
    if (Number.isNaN(this.#since)) this.#since = pace.time
    if (learn) this.#learn(subject, pace)
    if (this.#model === null || this.#learnedSince >= Math.max(8, this.#model.members / 8)) this.#rebuild()
    const model = this.#model
    if (model === null || pace.time - this.#since < maturityMicros || model.location.length !== pace.levels.length) return null
    const { at } = standardised(model, pace.levels)
    const kind = counted[Math.floor(at / decayHours.length)]
    const hours = decayHours[at % decayHours.length]
    const recentCount = Math.round(Math.expm1(pace.levels[at]))
    const usualHighest = Math.round(Math.expm1(model.location[at]))
    return {
      score: scoreOf(model, subject, pace),
      evidence: {
        fact: `${recentCount} ${kind} within about ${hours === 1 ? 'an hour' : `${hours} hours`}, where ${usualHighest} is the usual highest`,
        counted: kind,
        hours,
        recentCount,
        usualHighest,
        comparedWith: model.members,
      },
    }
  }

  /** Of the others, up to sqrt(n) that lie beyond the fence are left out: they may be attackers who were not found yet, and must not hide each other. */
  others(subject: string): Float64Array {
    const all = this.#sorted.without(this.#scores.get(subject))
    const most = Math.ceil(Math.sqrt(all.length))
    let kept = all.length
    while (all.length - kept < most && all[kept - 1] > fence) kept--
    return all.subarray(0, kept)
  }

  forget(subject: string): void {
    if (this.#members.delete(subject)) this.#rebuild()
  }

  encode(): Uint8Array {
    const writer = new ByteWriter(1024).f64(this.#since).u32(this.#learnedSince).u32(this.#members.size)
    for (const [subject, { software, levels, times }] of this.#members) {
      writer
        .text(subject)
        .u8(software ? 1 : 0)
        .u8(levels.length)
        .f32s(levels)
        .f64s(times)
    }
    writer.u8(this.#model === null ? 0 : 1)
    if (this.#model === null) return writer.finish()
    const { location, spread, members, software } = this.#model
    writer.u8(location.length).f64s(location).f64s(spread).f64(members).u32(software.bySubject.size)
    for (const [subject, z] of software.bySubject) writer.text(subject).f64(z)
    return writer.finish()
  }

  decode(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes)
    this.#since = reader.f64()
    this.#learnedSince = reader.u32()
    this.#members.clear()
    for (let left = reader.u32(); left > 0; left--) {
      const subject = reader.text()
      const software = reader.u8() === 1
      const size = reader.u8()
      this.#members.set(subject, { software, levels: reader.f32s(size), times: reader.f64s(size) })
    }
    this.#model = null
    this.#scores.clear()
    this.#sorted = new SortedValues()
    if (reader.u8() === 0) return
    const size = reader.u8()
    const location = reader.f64s(size)
    const spread = reader.f64s(size)
    const members = reader.f64()
    const software = new SoftwarePaces()
    for (let left = reader.u32(); left > 0; left--) software.add(reader.text(), reader.f64())
    this.#model = { location, spread, members, software }
    this.#scoreAll(this.#model)
  }

  #learn(subject: string, { time, software, levels }: Pace): void {
    const known = this.#members.get(subject)
    const member = { software, levels: levels.slice(), times: new Float64Array(levels.length).fill(time) }
    if (known !== undefined) {
      this.#members.delete(subject)
      for (let at = 0; at < levels.length; at++) {
        if (!(known.levels[at] > levels[at]) || time - known.times[at] >= retentionMicros) continue
        member.levels[at] = known.levels[at]
        member.times[at] = known.times[at]
      }
    } else if (this.#members.size >= largestPopulation) {
      const oldest = this.#members.keys().next().value as string
      this.#members.delete(oldest)
      this.#unscore(oldest)
    }
    this.#members.set(subject, member)
    this.#learnedSince++
    if (this.#model !== null) this.#rescore(this.#model, subject, member)
  }

  #rebuild(): void {
    this.#learnedSince = 0
    this.#model = null
    this.#scores.clear()
    this.#sorted = new SortedValues()
    const all = [...this.#members.values()]
    if (all.length < smallestPopulation) return
    const people = all.filter(({ software }) => !software)
    const tellsApart = people.length >= smallestPopulation
    const compared = tellsApart ? people : all
    const size = Math.max(...compared.map(({ levels }) => levels.length))
    const location = new Float64Array(size)
    const spread = new Float64Array(size).fill(Number.POSITIVE_INFINITY)
    for (let at = 0; at < size; at++) {
      // Who has nothing of what is counted (no embeddings, say) says nothing about how much of it is usual.
      const sorted = Float64Array.from(compared.map(({ levels }) => levels[at]).filter((level) => level > 0)).sort()
      if (sorted.length < smallestPopulation) continue
      const quantile = (q: number): number => sorted[Math.floor(q * sorted.length)]
      location[at] = quantile(0.5)
      spread[at] = Math.max(leastSpread, (quantile(0.75) - location[at]) / 0.6745, (quantile(0.9) - location[at]) / 1.2816)
    }
    if (!spread.some(Number.isFinite)) return
    const software = new SoftwarePaces()
    const model = { location, spread, members: all.length, software }
    if (tellsApart) {
      for (const [id, member] of this.#members) if (member.software) software.add(id, standardised(model, member.levels).z)
    }
    this.#model = model
    this.#scoreAll(model)
  }

  #scoreAll(model: Model): void {
    this.#scores = new Map([...this.#members].map(([id, member]) => [id, scoreOf(model, id, member)]))
    this.#sorted = SortedValues.of(this.#scores.values())
  }

  #rescore(model: Model, subject: string, member: Member): void {
    this.#unscore(subject)
    const score = scoreOf(model, subject, member)
    this.#scores.set(subject, score)
    this.#sorted.add(score)
  }

  #unscore(subject: string): void {
    const known = this.#scores.get(subject)
    if (known === undefined) return
    this.#scores.delete(subject)
    this.#sorted.remove(known)
  }
}

export function encodePace({ time, software, levels }: Pace): Uint8Array {
  return new ByteWriter(32)
    .f64(time)
    .u8(software ? 1 : 0)
    .u8(levels.length)
    .f32s(levels)
    .finish()
}

function decodePace(bytes: Uint8Array): Pace {
  const reader = new ByteReader(bytes)
  return { time: reader.f64(), software: reader.u8() === 1, levels: reader.f32s(reader.u8()) }
}

function scoreOf(model: Model, subject: string, { software, levels }: Pick<Pace, 'software' | 'levels'>): number {
  const { z } = standardised(model, levels)
  const score = software && model.software.bySubject.size > 0 ? model.software.score(subject, z) : z
  return levels.some((level) => level >= leastLevel) ? score : Math.min(score, paceFloor - 0.1)
}

/** The most unusual level, and where it is. */
function standardised({ location, spread }: Pick<Model, 'location' | 'spread'>, levels: Float32Array): { z: number; at: number } {
  let z = Number.NEGATIVE_INFINITY
  let most = 0
  for (let at = 0; at < location.length; at++) {
    if (spread[at] === Number.POSITIVE_INFINITY) continue
    const one = (levels[at] - location[at]) / spread[at]
    if (!(one > z)) continue
    z = one
    most = at
  }
  return { z, at: most }
}
