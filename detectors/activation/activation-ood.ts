import { defineDetector, type Evidence } from '../../src/detection/contract.ts'
import { LayerModel, layerStatistics } from '../../src/detection/layer-model.ts'
import { layerOf } from '../../src/detection/layers.ts'
import { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import type { CallEvent } from '../../src/telemetry/events.ts'
import { activationExample } from './senders-example.ts'

interface State {
  readonly seed: string
  /** Null before the first vector. Another length of vectors begins anew. */
  model: LayerModel | null
}

/** p-values below which a finding says what it saw; others come too often for words. */
const told = 0.05
/** A vector that is not finite is beyond any p-value; layer health says so, here it only has a rank. */
const notFinite = 100
const shownDimensions = 5

/**
 * Out-of-distribution activations: how unusual each call's activation is among those of the same layer of the same model.
 *
 * Scored before it is learned, without labels of anomalies and without a clean past. Several statistics become p-values against
 * their own last values, and those one p-value (score: -ln p). Where calls carry predicted labels: Mahalanobis distance from the class of
 * the direction and of the scaled vector, by the covariance of that very class (shrunk); what is left of that distance when the producer's
 * own entropy, margin or confidence is accounted for; distance to the second neighbour of the predicted label, and how much nearer those of
 * another one are. Without labels: Mahalanobis distance of the direction; distance to the k-th neighbour; path length in an isolation
 * forest; size; the producer's own doubt. Vectors above 64 numbers are projected to 64 for the distances. None of these wins alone: rotated digits
 * are found by direction, inverted ones and triggers by the scaled vector, adversarial ones by neighbours, anomalies in tables by isolation.
 *
 * Calls among the strangest tenth teach neither the moments nor the sample, nor those among the farthest fifth of all the moments of their
 * class (which an attack on one class would else make its own), and the strangest twentieth teaches the p-values at
 * hardly more than the rate at which it should occur: a burst of a few hundred calls does not become the norm; a lasting change does,
 * after `activation-shift` has told. A new digest or version of a model begins anew.
 *
 * Compared with: the layer's own calls: up to 2,048 last ones for p-values, up to 1,024 for neighbours, about 10,000 for moments.
 * The first hundred have no p-value. An incident of its own needs one call that is beyond all chance; `strange-inputs` and
 * `activation-shift` add up what is weaker.
 *
 * Finds: inputs of another kind, triggers and adversarial examples so far as they leave the class's usual activations.
 *
 * Misses: anomalies from the first call on at a high rate (they are the norm); anomalies that the layer does not represent; adversarial
 * examples with a strong perturbation that land amid their target class. p-values assume exchangeable calls: a fast drift
 * makes them small for everybody, which is what `activation-shift` tells.
 *
 * Reference: Lee et al. 2018 (Mahalanobis), Sun et al. 2022 (deep nearest neighbours), Liu et al. 2008 (isolation forest), Papernot and
 * McDaniel 2018 (neighbours' labels), Vovk et al. 2005 (conformal p-values).
 */
export const activationOod = defineDetector<State>({
  name: 'activation-ood',
  category: 'activation',
  version: 2,
  title: '{subject} was given an input unlike any before',
  consumes: ['call'],
  maxSubjects: 128,
  quantity: { name: 'one in so many calls is at least so strange', value: (score) => Math.exp(score) },
  leastSpread: 1,
  weight: 1,
  // Fewer than 2,048 scores tell where the tail begins; a single call must be far beyond what they could miss.
  effectFloor: Math.log(1e8),
  perLook: true,
  build: (seed) => ({
    subjects: layerOf,
    create: () => ({ seed, model: null }),

    update(state, event) {
      const call = event as CallEvent
      const { vector } = call.activation!
      if (!allFinite(vector)) {
        return {
          score: notFinite,
          pValue: null,
          events: state.model?.calls ?? 0,
          evidence: { fact: 'the activation is not finite', finite: false },
          sketch: null,
        }
      }
      if (state.model === null || state.model.length !== vector.length) state.model = new LayerModel(vector.length, seed)
      const { model } = state
      const label = call.prediction?.label ?? null
      const pValue = model.add(vector, label, uncertaintyOf(call))
      return {
        score: -Math.log(pValue),
        pValue: model.warm ? pValue : null,
        events: model.calls,
        evidence: pValue < told ? evidenceOf(model, call, label) : { label },
        sketch: null,
        whispered: { residual: model.residual, parts: model.parts },
      }
    },

    encode({ model }) {
      return model === null ? new Uint8Array(0) : new ByteWriter(1024).block(model.encode()).finish()
    },

    decode(bytes) {
      return { seed, model: bytes.length === 0 ? null : LayerModel.decode(new ByteReader(bytes).block(), seed) }
    },
  }),
  example: {
    subject: { kind: 'model', id: 'example-classifier' },
    anomalous: () => activationExample('ood', { loud: true }),
    benign: () => activationExample('ood', {}),
  },
})

function allFinite(vector: Float32Array): boolean {
  for (let i = 0; i < vector.length; i++) if (!(Math.abs(vector[i]) < Number.POSITIVE_INFINITY)) return false
  return true
}

/** The producer's own doubt, on a scale where its tail is about exponential; null where it sends none. */
function uncertaintyOf({ prediction }: CallEvent): number | null {
  if (prediction === null) return null
  const { entropy, margin, confidence } = prediction
  if (entropy !== null) return Math.log(Math.max(entropy, 0) + 1e-9)
  if (margin !== null) return Math.log(Math.max(1 - margin, 0) + 1e-9)
  return confidence === null ? null : Math.log(Math.max(1 - confidence, 0) + 1e-9)
}

function evidenceOf(model: LayerModel, call: CallEvent, label: string | null): Evidence {
  const evidence: Record<string, string | number | boolean | null> = { principal: call.principal?.id ?? null, label }
  layerStatistics.forEach((name, at) => {
    const pValue = model.parts[at]
    if (!Number.isNaN(pValue)) evidence[`pValueOf.${name}`] = Number(pValue.toPrecision(3))
  })
  for (const { dimension, spreads } of model.farthest(shownDimensions)) {
    evidence[`spreadsOfDimension.${dimension}`] = Math.round(100 * spreads) / 100
  }
  const parts = layerStatistics.map((name, at) => ({ name, pValue: model.parts[at] })).filter(({ pValue }) => !Number.isNaN(pValue))
  if (parts.length === 0) return evidence
  const { name } = parts.reduce((least, part) => (part.pValue < least.pValue ? part : least))
  return { fact: `the activation is unlike those before${label === null ? '' : ` with the answer ${label}`}, most in ${name}`, ...evidence }
}
