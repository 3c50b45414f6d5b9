import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { activationOod } from '../../../detectors/activation/activation-ood.ts'
import { activationShift } from '../../../detectors/activation/activation-shift.ts'
import { activationExample } from '../../../detectors/activation/senders-example.ts'
import { strangeInputs } from '../../../detectors/activation/strange-inputs.ts'
import { configSchema } from '../../../src/config/schema.ts'
import type { Alert } from '../../../src/decisions/alert.ts'
import { createDecisions } from '../../../src/decisions/decide.ts'
import type { DetectorDefinition } from '../../../src/detection/contract.ts'
import { createDetection } from '../../../src/detection/detect.ts'
import type { Observation } from '../../../src/detection/observation.ts'
import { replayFiles } from '../../../src/stages/replay.ts'
import type { CallEvent, Event } from '../../../src/telemetry/events.ts'

const all = [activationOod, strangeInputs, activationShift]
const data = `${import.meta.dirname}/../../../../shared/data`

function observed(events: readonly Event[], detectors: readonly DetectorDefinition[] = all): Observation[] {
  const detection = createDetection({ seed: 'test', detectors })
  return events.flatMap((event) => detection.process(event))
}

function opened(events: readonly Event[], detectors: readonly DetectorDefinition[] = all): Alert[] {
  const decisions = createDecisions({ falseIncidentsPerDay: 1, detectors })
  return observed(events, detectors)
    .flatMap((observation) => decisions.process(observation).alerts)
    .filter(({ status }) => status === 'opened')
}

describe('activation-ood', () => {
  it('scores every call with an activation once, from the first on, and a vector that is not finite highest', () => {
    const events = activationExample('ood', {}).slice(0, 400) as CallEvent[]
    events[300] = { ...events[300]!, activation: { layer: 'penultimate', vector: new Float32Array(12).fill(Number.NaN) } }
    events[301] = { ...events[301]!, activation: null }
    const scores = observed(events, [activationOod])
    expect(scores.map(({ ref }) => ref)).toEqual(events.filter(({ activation }) => activation !== null).map(({ spanId }) => spanId))
    const highest = scores.reduce((best, one) => (one.score > best.score ? one : best))
    expect(highest).toMatchObject({ ref: events[300]!.spanId, pValue: null })
  })

  it('begins anew with a new digest, and keeps the old one while both answer', () => {
    const events = (activationExample('ood', {}) as CallEvent[]).filter(({ model }) => model.name === 'example-classifier').slice(0, 600)
    const two = events.map((call, i) => ({ ...call, model: { ...call.model, digest: `sha256:${i % 2}` } }))
    const apart = observed(two, [activationOod]).filter((_, i) => i % 2 === 0)
    const alone = observed(
      two.filter((_, i) => i % 2 === 0),
      [activationOod],
    )
    expect(apart.map(({ score }) => score)).toEqual(alone.map(({ score }) => score))
  })
})

describe('who sends strange inputs', () => {
  it('is named by strange-inputs with what it differs in; a burst from everybody is the model, with its cause', () => {
    const [trickster, ...others] = opened(activationExample('strange', { trickster: true }))
    expect(others).toEqual([])
    expect(trickster).toMatchObject({ detector: 'strange-inputs', category: 'activation', subject: { kind: 'principal', id: 'trickster' } })
    const shifts = opened(activationExample('shift', { foreigners: true }))
    expect(shifts.every(({ subject }) => subject.kind === 'model' && subject.id === 'example-classifier')).toBe(true)
    const shift = shifts.find(({ detector }) => detector === 'activation-shift')!
    const [{ facts }] = (shift.evidence as { detectors: [{ facts: Record<string, string> }] }).detectors
    expect(facts.principals).toMatch(/^sender-\d+ \d+ of \d+/)
    expect(facts.labels).toMatch(/^class-\d \d+ of \d+/)
    expect(facts.dimensions).toMatch(/^\d+ \d+ of \d+/)
  })

  it('is heard the same whether activation-ood is switched on or not', () => {
    const events = activationExample('strange', { trickster: true })
    const alone = observed(events, [strangeInputs])
    expect(alone.length).toBeGreaterThan(0)
    expect(alone).toEqual(observed(events, [activationOod, strangeInputs]).filter(({ detector }) => detector === 'strange-inputs'))
    expect(alone.every(({ subject }) => subject.kind === 'principal')).toBe(true)
  })
})

describe.skipIf(!existsSync(data))('a digit classifier', () => {
  const replayed = async (set: string, folder = 'activations') => {
    const alerts: Alert[] = []
    const scores = new Map<string, number>()
    const pValues = new Map<string, number>()
    await replayFiles([`${data}/${folder}/${set}.traces.jsonl.gz`], configSchema.parse({ identity: { hash: false } }), {
      storeDirectory: null,
      onOutcome: async (outcome) => {
        alerts.push(...outcome.alerts)
        for (const { detector, ref, score, pValue } of outcome.observations) {
          if (detector !== 'activation-ood') continue
          scores.set(ref, score)
          if (pValue !== null) pValues.set(ref, pValue)
        }
      },
    })
    const truth = JSON.parse(readFileSync(`${data}/${folder}/${set}.truth.json`, 'utf8')) as {
      attacks: { subjects: { kind: string; id: string }[] }[]
      rows: { spanId: string; label: number }[]
    }
    return { alerts, scores, pValues, truth }
  }

  it('that sees benign digits is silent, and p-values are uniform', async () => {
    const { alerts, pValues } = await replayed('digits-clean')
    expect(alerts).toEqual([])
    for (const bound of [0.2, 0.1, 0.05, 0.01]) {
      const share = [...pValues.values()].filter((pValue) => pValue <= bound).length / pValues.size
      expect(share).toBeGreaterThan(0.6 * bound)
      expect(share).toBeLessThan(1.25 * bound)
    }
  })

  it('that people with habits of their own ask names nobody but those who attack it', async () => {
    const { alerts, truth } = await replayed('extraction-image-dev', 'extraction')
    const guilty = new Set(truth.attacks.flatMap(({ subjects }) => subjects.map(({ id }) => id)))
    const named = alerts.filter(({ category }) => category === 'activation').map(({ subject }) => subject.id)
    expect(named.filter((id) => !guilty.has(id))).toEqual([])
  })

  it('names the three accounts that trigger its backdoor and nobody else', async () => {
    const { alerts, scores, truth } = await replayed('digits-backdoor')
    const guilty = truth.attacks.flatMap(({ subjects }) => subjects.filter(({ kind }) => kind === 'principal').map(({ id }) => id))
    expect(new Set(alerts.map(({ subject }) => subject.id))).toEqual(new Set(guilty))
    expect(truth.rows.every(({ spanId }) => scores.has(spanId))).toBe(true)
  })

  it('is itself named in a burst of inverted digits', async () => {
    const { alerts } = await replayed('digits-ood')
    expect(alerts.filter(({ status }) => status === 'opened').map(({ subject }) => subject)).toEqual([{ kind: 'model', id: 'digits' }])
  })
})
