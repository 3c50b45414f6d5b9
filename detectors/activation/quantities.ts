/** What layer health watches, how its values become numbers with about normal noise, and which direction is harm. */
export interface Quantity {
  /** Of training as a whole, or of a layer. */
  readonly of: 'training' | 'layer'
  readonly scale: 'logarithm' | 'logit' | 'as it is'
  /** The least noise to believe in, on that scale: changes of two per cent are nobody's fault. */
  readonly least: number
  readonly harm: 'rise' | 'fall' | 'either'
}

const logarithm = { scale: 'logarithm', least: 0.02 } as const
const logit = { of: 'layer', scale: 'logit', least: 0.05, harm: 'rise' } as const

const quantities: Readonly<Record<string, Quantity>> = {
  'tidewatch.training.loss': { of: 'training', ...logarithm, harm: 'rise' },
  'tidewatch.training.grad_norm': { of: 'training', ...logarithm, harm: 'either' },
  'tidewatch.training.accuracy': { of: 'training', scale: 'logit', least: 0.05, harm: 'fall' },
  'tidewatch.activation.mean': { of: 'layer', scale: 'as it is', least: 0.005, harm: 'either' },
  'tidewatch.activation.std': { of: 'layer', ...logarithm, harm: 'either' },
  'tidewatch.activation.norm': { of: 'layer', ...logarithm, harm: 'either' },
  'tidewatch.activation.zero_ratio': logit,
  'tidewatch.activation.saturated_ratio': logit,
}

/** Number of values that were not finite: none is right. */
export const nonFiniteMetric = 'tidewatch.activation.nonfinite'

export function quantityOf(metric: string): Quantity | null {
  return quantities[metric] ?? null
}

/** Metrics that layer health judges, and no other detector. */
export function isHealthMetric(metric: string): boolean {
  return metric.startsWith('tidewatch.') && (metric === nonFiniteMetric || metric in quantities)
}

/** A share pulled in by two per cent, so that 0 and 1 have a place and what is nearly none stays so. */
const margin = 0.02

/** `value` on the quantity's scale. Zero and less have the logarithm of 1e-9. */
export function onScale({ scale }: Quantity, value: number): number {
  switch (scale) {
    case 'logarithm':
      return Math.log(Math.max(value, 0) + 1e-9)
    case 'logit': {
      const share = Math.max(0, Math.min(1, value))
      return Math.log((share + margin) / (1 + margin - share))
    }
    case 'as it is':
      return Math.max(-1e30, Math.min(1e30, value))
  }
}

/** What `onScale` came from. */
export function offScale({ scale }: Quantity, scaled: number): number {
  switch (scale) {
    case 'logarithm':
      return Math.exp(scaled) - 1e-9
    case 'logit': {
      const odds = Math.exp(scaled)
      return ((1 + margin) * odds - margin) / (1 + odds)
    }
    case 'as it is':
      return scaled
  }
}
