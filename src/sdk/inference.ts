import type { Attributes } from '@opentelemetry/api'
import { project, toBase64 } from './project.ts'

/** Span attributes that tell what a layer answered to this input. Layers wider than `size` are projected. Vectors with a value that is not finite give none. */
export function activationAttributes(layer: string, activation: ArrayLike<number>, size = 128): Attributes {
  const vector = project(activation, size)
  if (!vector.every(Number.isFinite)) return {}
  return { 'tidewatch.activation.layer': layer, 'tidewatch.activation.vector': toBase64(vector) }
}

/**
 * Span attributes for the answer of a classifier: `tidewatch.prediction.*` and the operation.
 *
 * @param probabilities one a class, summing to 1
 * @param labels names of the classes; their indices where absent
 * @param model name, and where known version and digest (`digestOf` the weights) of what answered
 */
export function predictionAttributes(
  probabilities: ArrayLike<number>,
  model: { readonly name: string; readonly version?: string; readonly digest?: string },
  labels?: readonly string[],
): Attributes {
  let best = 0
  let second = -1
  let entropy = 0
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i]!
    if (p > 0) entropy -= p * Math.log(p)
    if (i === 0) continue
    if (p > probabilities[best]!) {
      second = best
      best = i
    } else if (second < 0 || p > probabilities[second]!) {
      second = i
    }
  }
  const confidence = probabilities[best]!
  return {
    'tidewatch.operation.name': 'predict',
    'tidewatch.model.name': model.name,
    ...(model.version === undefined ? {} : { 'tidewatch.model.version': model.version }),
    ...(model.digest === undefined ? {} : { 'tidewatch.model.digest': model.digest }),
    'tidewatch.prediction.label': labels?.[best] ?? String(best),
    'tidewatch.prediction.confidence': confidence,
    'tidewatch.prediction.margin': second < 0 ? confidence : confidence - probabilities[second]!,
    'tidewatch.prediction.entropy': entropy,
  }
}
