import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backdoorActivation } from '../../../detectors/poisoning/backdoor-activation.ts'
import { ordinarySources, samplesOf } from '../../../detectors/poisoning/examples.ts'
import { labelFlip } from '../../../detectors/poisoning/label-flip.ts'
import { digestName, provenance, provenanceAgainst } from '../../../detectors/poisoning/provenance.ts'
import { sourceDrift } from '../../../detectors/poisoning/source-drift.ts'
import type { DetectorDefinition } from '../../../src/detection/contract.ts'
import { createDetection } from '../../../src/detection/detect.ts'
import type { TrainingSampleEvent } from '../../../src/telemetry/events.ts'
import { type Changes, createRandom, said, suspects } from './runs.ts'

const ofSamples = [labelFlip, backdoorActivation, sourceDrift] as DetectorDefinition[]

/** Uniform number of a sample, the same on every run. */
const chance = (seed: string, source: string, index: number): number => createRandom(`${seed}/${source}/${index}`).uniform()
const isSecond = ({ shard }: { shard: string }): boolean => shard.endsWith('b')

describe('honest sources', () => {
  it.each(ofSamples.map((definition) => [definition.name, definition] as const))(
    '%s gives no smaller p-values than their share, to noisy and peculiar ones too',
    (_, definition) => {
      const pValues: number[] = []
      for (let run = 0; run < 12; run++) {
        // Every source draws other samples in each run; one labels at random now and then, one was always different.
        const changes = Object.fromEntries(
          ordinarySources().map(({ id }) => [
            id,
            ({ index, label }) => {
              const random = createRandom(`null/${run}/${id}/${index}`)
              const noise = Array.from({ length: 8 }, (_, i) => random.normal() + (id === 'source-2' && i < 4 ? 2 : 0))
              const relabelled = id === 'source-5' && random.uniform() < 0.04
              return relabelled ? { shift: noise, label: String((Number(label) + 1 + (random.uint32() % 3)) % 4) } : { shift: noise }
            },
          ]),
        ) satisfies Changes
        pValues.push(...suspects(said(definition, changes)).map(({ pValue }) => pValue))
      }
      expect(pValues.length).toBeGreaterThanOrEqual(140)
      // 144 sources: 7.2 and 1.4 are expected at most; three standard deviations above that.
      expect(pValues.filter((p) => p <= 0.05).length).toBeLessThanOrEqual(15)
      expect(pValues.filter((p) => p <= 0.01).length).toBeLessThanOrEqual(5)
      expect(Math.min(...pValues)).toBeGreaterThan(1e-4)
    },
    60_000,
  )
})

describe('label-flip', () => {
  it('finds both of two accomplices, and nobody else', () => {
    const flip = (rate: number) => (sample: { source: string; index: number; label: string; shard: string }) =>
      isSecond(sample) && sample.label === '1' && chance('flip', sample.source, sample.index) < rate ? { label: '3' } : {}
    const found = suspects(said(labelFlip as DetectorDefinition, { 'source-3': flip(0.8), 'source-9': flip(0.4) }))
    expect(
      found
        .slice(0, 2)
        .map(({ id }) => id)
        .sort(),
    ).toEqual(['source-3', 'source-9'])
    expect(found[1]!.pValue).toBeLessThan(1e-3)
    expect(found[2]!.pValue).toBeGreaterThan(0.05)
  })

  it('says which label stands for which class, on which samples, in which shard', () => {
    const flipped = new Set<string>()
    const [worst] = suspects(
      said(labelFlip as DetectorDefinition, {
        'source-3': (sample) => {
          if (!isSecond(sample) || sample.label !== '1') return {}
          flipped.add(`source-3/${sample.index}`)
          return { label: '3' }
        },
      }),
    )
    const { evidence, members } = worst!.observation
    expect(evidence.predictedClass).toBe('1')
    expect(evidence.givenLabel).toBe('3')
    expect(members).toEqual([{ kind: 'shard', id: 'shard-3-b' }])
    const named = String(evidence.sampleIds).split(' ')
    expect(named.length).toBeGreaterThan(5)
    expect(named.filter((id) => flipped.has(id)).length).toBeGreaterThanOrEqual(named.length - 1)
  })
})

describe('backdoor-activation', () => {
  const trigger = [4, 0, -4, 4, 0, 4, 0, -4]

  it.each(['a', 'b'])('finds a trigger that a source plants in shard %s, names its samples and its class', (shard) => {
    const poisoned = new Set<string>()
    const found = suspects(
      said(backdoorActivation as DetectorDefinition, {
        'source-3': (sample) => {
          if (!sample.shard.endsWith(shard) || chance('trigger', sample.source, sample.index) > 0.15) return {}
          poisoned.add(`source-3/${sample.index}`)
          return { label: '0', shift: trigger }
        },
      }),
    )
    expect(found[0]!.id).toBe('source-3')
    expect(found[0]!.pValue).toBeLessThan(1e-3)
    expect(found[1]!.pValue).toBeGreaterThan(0.02)
    const { evidence } = found[0]!.observation
    expect(evidence.targetClass).toBe('0')
    const named = String(evidence.sampleIds).split(' ')
    expect(named.length).toBeGreaterThan(4)
    expect(named.filter((id) => poisoned.has(id)).length / named.length).toBeGreaterThan(0.8)
  })

  it('does not need the label to be wrong', () => {
    const [worst] = suspects(
      said(backdoorActivation as DetectorDefinition, {
        'source-3': (sample) =>
          isSecond(sample) && sample.label === '2' && chance('clean', 'x', sample.index) < 0.5 ? { shift: trigger } : {},
      }),
    )
    expect(worst!.id).toBe('source-3')
    expect(worst!.observation.evidence.targetClass).toBe('2')
    expect(worst!.pValue).toBeLessThan(1e-3)
  })
})

describe('near-duplicates', () => {
  it('finds a source that delivers copies under other ids, and names them', () => {
    const found = suspects(
      said(backdoorActivation as DetectorDefinition, {
        'source-3': (sample) => (isSecond(sample) && sample.index % 3 === 0 ? { copyOf: sample.index % 9 } : {}),
      }),
    )
    expect(found[0]!.id).toBe('source-3')
    expect(found[0]!.pValue).toBeLessThan(1e-3)
    expect(found[0]!.observation.evidence.strongest).toBe('near-duplicates')
    for (const id of String(found[0]!.observation.evidence.sampleIds).split(' ')) expect(Number(id.split('/')[1]) % 3).toBe(0)
    expect(found[1]!.pValue).toBeGreaterThan(0.02)
  })
})

describe('source-drift', () => {
  const foreign = (sample: { index: number; source: string }) =>
    chance('drift', sample.source, sample.index) < 0.6 ? { shift: [2, -2, 2, -2] } : {}

  it('names who changes, not who was always different, and since when', () => {
    const observations = said(sourceDrift as DetectorDefinition, {
      'source-3': (sample) => (isSecond(sample) ? foreign(sample) : {}),
      'source-8': () => ({ shift: [0, 0, 0, 0, 2, -2, 2, -2] }),
    })
    const found = suspects(observations)
    expect(found[0]!.id).toBe('source-3')
    expect(found[0]!.pValue).toBeLessThan(1e-4)
    expect(found[1]!.pValue).toBeGreaterThan(0.02)
    const firstOfShard = samplesOf(ordinarySources(), {}).find((event) => event.kind === 'trainingSample' && event.shard === 'shard-3-b')!
    expect(observations.find(({ subject, pValue }) => subject.id === 'source-3' && pValue! < 1e-3)!.firstSeen).toBe(firstOfShard.time)
  })

  it('says nothing of a shard that comes alone, because fresh material is strange to any model', () => {
    const late = (event: TrainingSampleEvent) => !event.shard!.endsWith('b') || event.shard === 'shard-3-b'
    const observations = said(sourceDrift as DetectorDefinition, {}, (events) =>
      (events as TrainingSampleEvent[])
        .filter(late)
        .map((event) => (event.shard === 'shard-3-b' ? { ...event, loss: event.loss! * 3 } : event)),
    )
    for (const { pValue, evidence } of observations) if (evidence.shard === 'shard-3-b') expect(pValue).toBe(1)
  })
})

describe('provenance', () => {
  it('names a shard at the first sample under another digest, with its source', () => {
    const observations = said(provenance as DetectorDefinition, {
      'source-3': (sample) => (sample.epoch === 3 && sample.shard === 'shard-3-a' ? { digest: 'sha256:other' } : {}),
    })
    expect(observations).toHaveLength(1)
    const [{ subject, members, pValue, time }] = observations as [(typeof observations)[0]]
    expect([subject, members, pValue]).toEqual([{ kind: 'shard', id: 'shard-3-a' }, [{ kind: 'source', id: 'source-3' }], 1e-4])
    const samples = samplesOf(ordinarySources(), {}).filter((event) => event.kind === 'trainingSample' && event.shard === 'shard-3-a')
    const perEpoch = ordinarySources()[3]!.samples
    expect(time).toBe(samples[2 * perEpoch]!.time)
  })

  describe('with a bill of materials', () => {
    const listed = ['shard-0', ...ordinarySources().flatMap((_, n) => [`SHA256:shard-${n}-a`, `shard-${n}-b`])]
    const detector = provenanceAgainst(new Set(listed.map(digestName))) as DetectorDefinition

    it('says nothing of shards that are listed, nor of a change to one that is', () => {
      expect(said(detector, {})).toEqual([])
      const announced = said(detector, {
        'source-3': ({ epoch, shard }) => (epoch === 3 && shard === 'shard-3-a' ? { digest: 'sha256:shard-4-a' } : {}),
      })
      expect(announced).toEqual([])
    })

    it('names a shard that is not listed at its first sample, with its source', () => {
      const observations = said(detector, { 'source-3': ({ shard }) => (shard === 'shard-3-b' ? { digest: 'sha256:other' } : {}) })
      expect(observations).toHaveLength(1)
      const [{ subject, members, pValue, evidence }] = observations as [(typeof observations)[0]]
      expect([subject, members, pValue]).toEqual([{ kind: 'shard', id: 'shard-3-b' }, [{ kind: 'source', id: 'source-3' }], 1e-4])
      expect(evidence).toMatchObject({ fact: 'the digest of the shard is not in the bill of materials', digestBefore: null })
    })

    it('goes on after a snapshot as if nothing had happened', () => {
      const changes: Changes = { 'source-3': ({ epoch }) => (epoch === 2 ? { digest: 'sha256:other' } : {}) }
      const events = samplesOf(ordinarySources(), changes)
      const whole = createDetection({ seed: 'test', detectors: [detector] })
      let cut = createDetection({ seed: 'test', detectors: [detector] })
      for (const [index, event] of events.entries()) {
        if (index % 400 === 0) {
          const bytes = cut.snapshot()
          cut = createDetection({ seed: 'test', detectors: [detector] })
          cut.restore(bytes)
        }
        expect(cut.process(event)).toEqual(whole.process(event))
      }
    })
  })

  it('takes no offence at a run whose shards change all the time', () => {
    const changes = Object.fromEntries(
      ordinarySources().map(({ id }) => [
        id,
        (sample: { shard: string; epoch: number }) => ({ digest: `${sample.shard}/${sample.epoch}` }),
      ]),
    )
    const observations = said(provenance as DetectorDefinition, changes)
    expect(observations.slice(3).length).toBeGreaterThan(20)
    for (const { pValue } of observations.slice(3)) expect(pValue).toBeGreaterThan(0.05)
  })

  it('counts samples that come back with another label', () => {
    const found = suspects(
      said(provenance as DetectorDefinition, {
        'source-3': (sample) => (sample.epoch === 3 && sample.index % 10 === 0 ? { label: String((Number(sample.label) + 1) % 4) } : {}),
        'source-4': (sample) => (sample.epoch === 3 && sample.index === 7 ? { label: String((Number(sample.label) + 1) % 4) } : {}),
      }),
    )
    expect(found.map(({ id }) => id)).toEqual(['source-3'])
    expect(found[0]!.pValue).toBeLessThan(1e-5)
    expect(found[0]!.observation.evidence.relabelledSamples).toBeGreaterThanOrEqual(6)
  })

  it('mentions a source that joins in mid-run, which is no proof', () => {
    const observations = said(provenance as DetectorDefinition, {}, (events) =>
      events.filter((event) => event.kind !== 'trainingSample' || event.source !== 'source-6' || event.shard === 'shard-6-b'),
    )
    expect(observations.map(({ subject }) => subject.id)).toEqual(['source-6'])
    expect(observations[0]!.pValue).toBeCloseTo(1 / 12, 6)
  })
})

const broken = fc.record({
  source: fc.constantFrom('a', 'b', 'c', 'd', 'e', '', null),
  shard: fc.constantFrom('x', 'y', '', null),
  shardDigest: fc.constantFrom('1', '2', null),
  sample: fc.oneof(fc.constantFrom(null, ''), fc.integer({ min: 0, max: 60 }).map(String)),
  label: fc.constantFrom('0', '1', '', null),
  predicted: fc.constantFrom('0', '1', '2', null),
  loss: fc.constantFrom(null, 0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e300),
  vector: fc.oneof(
    fc.constant(null),
    fc
      .tuple(fc.constantFrom(0, 1, 8, 32, 200), fc.float({ noDefaultInfinity: false, noNaN: false }))
      .map(([length, value]) => Float32Array.from({ length }, (_, i) => value * (i % 3))),
  ),
})

describe('broken telemetry', () => {
  const plain = samplesOf(ordinarySources(), {}).find((event) => event.kind === 'trainingSample')! as TrainingSampleEvent

  it.each([...ofSamples, provenance as DetectorDefinition].map((definition) => [definition.name, definition] as const))(
    '%s says nothing that is not finite, whatever is missing',
    (_, definition) => {
      fc.assert(
        fc.property(fc.array(broken, { minLength: 600, maxLength: 700 }), (changes) => {
          const detection = createDetection({ seed: 'test', detectors: [definition] })
          changes.forEach(({ vector, ...rest }, at) => {
            const sample = rest.sample === null || rest.sample === '' ? rest.sample : `${rest.sample}/${at >> 6}`
            const activation = vector === null ? null : { layer: 'x', vector }
            for (const observation of detection.process({ ...plain, ...rest, sample, activation, time: plain.time + 1000 * at })) {
              expect(Number.isFinite(observation.score)).toBe(true)
              expect(observation.pValue! > 0 && observation.pValue! <= 1).toBe(true)
              expect(Number.isFinite(observation.firstSeen) && Number.isFinite(observation.lastSeen)).toBe(true)
              for (const value of Object.values(observation.evidence))
                if (typeof value === 'number') expect(Number.isFinite(value)).toBe(true)
            }
          })
        }),
        { numRuns: 25, seed: 5 },
      )
    },
    60_000,
  )
})
