import { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import { PopulationGaussian } from '../sketches/gaussian.ts'
import { solve3 } from '../sketches/least-squares.ts'
import { decodeMeanSketch, effectiveCount, selfSimilarity } from '../sketches/mean-embedding.ts'
import type { Reference } from './contract.ts'

interface Member {
  /** Number of inputs that the mean is worth, and their similarity among themselves. */
  readonly inputs: number
  readonly similarity: number
  readonly dimensions: number
  readonly mean: Float32Array
  /** The mean that the present model was built with, null where it was built without this member. */
  modelled: Float32Array | null
}

interface Model {
  readonly gaussian: PopulationGaussian
  /** Expected distance^2 = usual . (1, 1 / inputs, similarity), up to the factor exp(centre). */
  readonly usual: readonly [number, number, number]
  readonly centre: number
  readonly members: number
  readonly dimensions: number
}

/** Fewer members give no covariance worth the name. */
const smallestPopulation = 30
/** Bound on memory: about a kilobyte a member. The member that was silent longest makes room. */
const largestPopulation = 2000

/**
 * How far a subject's mean embedding lies from those of the other subjects, in units of how they differ among themselves: half the
 * logarithm of the squared Mahalanobis distance, minus what is usual for so many inputs that are so similar to each other. What people
 * usually differ by (their topics) counts little, because it is in the covariance; that is the difference to a distance from the pooled
 * traffic, which ranks honest people with narrow interests first.
 */
export class MeanShiftReference implements Reference {
  readonly #members = new Map<string, Member>()
  #model: Model | null = null
  #learnedSince = 0

  score(subject: string, bytes: Uint8Array, learn: boolean) {
    const sketch = decodeMeanSketch(bytes)
    const { dimensions, weight, sum } = sketch
    if (!(weight > 0)) return null
    if (this.#model === null || this.#learnedSince >= Math.max(8, this.#model.members / 4)) this.#rebuild(dimensions)
    const modelled = this.#members.get(subject)?.modelled ?? null
    const model = this.#model
    const mean = sum.map((value) => value / weight)
    const inputs = Math.max(1, effectiveCount(sketch))
    const similarity = selfSimilarity(sketch)
    if (learn) this.#learn(subject, { inputs, similarity, dimensions, mean, modelled })
    if (model === null || model.dimensions !== dimensions) return null
    const squared = Math.max(1e-9, model.gaussian.distance(mean, modelled))
    const expected = expectation(model.usual, { inputs, similarity })
    return {
      score: 0.5 * (Math.log(squared / expected) - model.centre),
      evidence: {
        distance: round(Math.sqrt(squared)),
        usualDistance: round(Math.sqrt(expected * Math.exp(model.centre))),
        similarityOfInputs: round(similarity),
        comparedWith: model.members,
      },
    }
  }

  forget(subject: string): void {
    if (this.#members.delete(subject)) this.#rebuild(null)
  }

  encode(): Uint8Array {
    const writer = new ByteWriter(1024).u32(this.#learnedSince).u32(this.#members.size)
    for (const [subject, { inputs, similarity, dimensions, mean, modelled }] of this.#members) {
      writer.text(subject).f64(inputs).f64(similarity).u32(dimensions).u32(mean.length).f32s(mean)
      // Mostly the model was built with the mean that still holds.
      writer.u8(modelled === null ? 0 : modelled === mean ? 1 : 2)
      if (modelled !== null && modelled !== mean) writer.u32(modelled.length).f32s(modelled)
    }
    writer.u8(this.#model === null ? 0 : 1)
    if (this.#model === null) return writer.finish()
    const { gaussian, usual, centre, members, dimensions } = this.#model
    for (const value of [...usual, centre, members, dimensions]) writer.f64(value)
    gaussian.encode(writer)
    return writer.finish()
  }

  decode(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes)
    this.#learnedSince = reader.u32()
    this.#members.clear()
    for (let left = reader.u32(); left > 0; left--) {
      const subject = reader.text()
      const inputs = reader.f64()
      const similarity = reader.f64()
      const dimensions = reader.u32()
      const mean = reader.f32s(reader.u32())
      const kind = reader.u8()
      const modelled = kind === 0 ? null : kind === 1 ? mean : reader.f32s(reader.u32())
      this.#members.set(subject, { inputs, similarity, dimensions, mean, modelled })
    }
    this.#model = null
    if (reader.u8() === 0) return
    const usual = [reader.f64(), reader.f64(), reader.f64()] as const
    const centre = reader.f64()
    const members = reader.f64()
    const dimensions = reader.f64()
    this.#model = { gaussian: PopulationGaussian.decode(reader), members, dimensions, usual, centre }
  }

  #learn(subject: string, member: Member): void {
    this.#members.delete(subject)
    if (this.#members.size >= largestPopulation) this.#members.delete(this.#members.keys().next().value as string)
    this.#members.set(subject, member)
    this.#learnedSince++
  }

  /** Builds from the members whose inputs have the most common length (a new embedding model changes it). */
  #rebuild(newest: number | null): void {
    const lengths = new Map<number, number>()
    for (const { dimensions } of this.#members.values()) lengths.set(dimensions, (lengths.get(dimensions) ?? 0) + 1)
    const [length, size] = [...lengths].sort((a, b) => b[1] - a[1] || (a[0] === newest ? -1 : 1))[0] ?? [0, 0]
    this.#learnedSince = 0
    this.#model = null
    for (const member of this.#members.values()) member.modelled = null
    if (size < smallestPopulation) return
    const members = [...this.#members.values()].filter((member) => member.dimensions === length)
    const gaussian = PopulationGaussian.of(members.map((member) => member.mean))
    for (const member of members) member.modelled = member.mean
    const squared = members.map(({ mean }) => Math.max(1e-9, gaussian.distance(mean, mean)))
    // Errors count in relation to the expectation, which is not known before: least squares with weights from the round before.
    let usual: readonly [number, number, number] = [1, 0, 0]
    let weights = squared.map(() => 1)
    for (let round = 0; round < 4; round++) {
      const rows = members.map((member, at) => covariates(member).map((x) => x * weights[at]) as [number, number, number])
      usual = solve3(
        rows,
        squared.map((y, at) => y * weights[at]),
      )
      weights = members.map((member) => 1 / expectation(usual, member))
    }
    const ratios = members.map((member, at) => Math.log(squared[at] / expectation(usual, member)))
    ratios.sort((x, y) => x - y)
    this.#model = { gaussian, members: members.length, dimensions: length, usual, centre: ratios[ratios.length >> 1] }
  }
}

function covariates({ inputs, similarity }: { inputs: number; similarity: number }): [number, number, number] {
  return [1, 1 / inputs, similarity]
}

function expectation(usual: readonly [number, number, number], member: { inputs: number; similarity: number }): number {
  const [a, b, c] = covariates(member)
  return Math.max(1e-3, usual[0] * a + usual[1] * b + usual[2] * c)
}

function round(value: number): number {
  return Math.round(1000 * value) / 1000
}
