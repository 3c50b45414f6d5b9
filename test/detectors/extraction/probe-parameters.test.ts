import { describe, expect, it } from 'vitest'
import { type Caller, callsOf } from '../../../detectors/extraction/examples.ts'
import { probeParameters } from '../../../detectors/extraction/probe-parameters.ts'
import type { CallEvent } from '../../../src/telemetry/events.ts'

const plain = { maxTokens: 256, temperature: 0, topP: null, logprobs: null, topLogprobs: null, logitBiasCount: null }

function lastScore(shape: NonNullable<Caller['shape']>, calls = 200): number {
  const detector = probeParameters.build('test')
  const state = detector.create()
  let score = 0
  for (const event of callsOf([{ id: 'one', from: 0, to: 5, calls, shape }], 'probe-test'))
    score = detector.update(state, event)?.score ?? score
  return score
}

const asks = (request: Partial<CallEvent['request']>, inputs: number) => (index: number) => ({
  request: { ...plain, ...request },
  fingerprint: `input-${index % inputs}`,
})

describe('probing parameters', () => {
  it('scores many one-token calls with log-probabilities on few inputs by their depth', () => {
    expect(lastScore(asks({ maxTokens: 1, logprobs: true, logitBiasCount: 5 }, 10))).toBeCloseTo(Math.log(20), 0)
  })

  it.each([
    ['a filter that asks once about each input', asks({ maxTokens: 1, logprobs: true, topLogprobs: 2, logitBiasCount: 2 }, 100_000)],
    ['a health check with one token', asks({ maxTokens: 1 }, 1)],
    ['an evaluation with log-probabilities of long answers', asks({ logprobs: true }, 10)],
    ['ordinary calls', asks({}, 5)],
  ])('stays at zero for %s', (_, shape) => {
    expect(lastScore(shape)).toBe(0)
  })

  it('says nothing on a handful of probes', () => {
    expect(lastScore(asks({ maxTokens: 1, logprobs: true }, 1), 7)).toBe(0)
  })
})
