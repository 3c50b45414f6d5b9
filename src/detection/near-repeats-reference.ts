import { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import { binsAnOctave, type DistanceBins, decodeDistanceBins, medianBin } from '../sketches/distance-bins.ts'
import type { Reference } from './contract.ts'

/** Fewer members do not say what is usual. */
const smallestPopulation = 30
/** Bound on memory, some tens of bytes a member. The member that was silent longest makes room. */
const largestPopulation = 5000
/** Nearer than this many bins below the usual distance is a near repeat: 9 quarters of an octave are about a fifth. */
const nearBins = 9
/** Share of near repeats that needs no explanation (edited prompts, the same object photographed again). */
const harmlessShare = 0.05

/**
 * How many of a subject's inputs nearly repeat one of its own, seen with the distance that subjects of this population usually keep from
 * their nearest own input (the median over subjects of each one's median). The score is log((near + 1) / (0.05 inputs + 1)): the
 * multiple of a harmless share, drawn to 1 where there are few inputs.
 */
export class NearRepeatsReference implements Reference {
  /** Median bin of each subject. */
  readonly #members = new Map<string, number>()
  #usual: number | null = null
  #learnedSince = 0

  score(subject: string, sketch: Uint8Array, learn: boolean) {
    const bins = decodeDistanceBins(new ByteReader(sketch))
    const own = medianBin(bins)
    if (own === null) return null
    if (learn) this.#learn(subject, own)
    if (this.#usual === null || this.#learnedSince >= Math.max(8, this.#members.size / 8)) this.#rebuild()
    if (this.#usual === null) return null
    const { near, inputs } = countNear(bins, this.#usual - nearBins)
    return {
      score: Math.log((near + 1) / (harmlessShare * inputs + 1)),
      evidence: {
        inputsLookedAt: inputs,
        shareNearAnEarlierOne: Math.round((1000 * near) / inputs) / 1000,
        distanceInUsualOnes: Math.round(1000 * 2 ** ((own - this.#usual) / binsAnOctave)) / 1000,
        comparedWith: this.#members.size,
      },
    }
  }

  forget(subject: string): void {
    if (this.#members.delete(subject)) this.#rebuild()
  }

  encode(): Uint8Array {
    const writer = new ByteWriter(1024)
      .u32(this.#learnedSince)
      .u32(this.#usual ?? noUsual)
      .u32(this.#members.size)
    for (const [subject, bin] of this.#members) writer.text(subject).u8(bin)
    return writer.finish()
  }

  decode(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes)
    this.#learnedSince = reader.u32()
    const usual = reader.u32()
    this.#usual = usual === noUsual ? null : usual
    this.#members.clear()
    for (let left = reader.u32(); left > 0; left--) this.#members.set(reader.text(), reader.u8())
  }

  #learn(subject: string, bin: number): void {
    this.#members.delete(subject)
    if (this.#members.size >= largestPopulation) this.#members.delete(this.#members.keys().next().value as string)
    this.#members.set(subject, bin)
    this.#learnedSince++
  }

  #rebuild(): void {
    this.#learnedSince = 0
    const medians = [...this.#members.values()].sort((a, b) => a - b)
    this.#usual = medians.length < smallestPopulation ? null : medians[medians.length >> 1]
  }
}

const noUsual = 0xffff_ffff

function countNear(bins: DistanceBins, limit: number): { near: number; inputs: number } {
  let near = 0
  let inputs = 0
  for (let bin = 0; bin < bins.length; bin++) {
    inputs += bins[bin]
    if (bin < limit) near += bins[bin]
  }
  return { near, inputs }
}
