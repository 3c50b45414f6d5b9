import type { Manipulation } from './federations.ts'
import type { Poison } from './sample-runs.ts'

/** Runs that no figure of the detectors was chosen by: attacks of one kind together, by sources of one run. */
export const sampleRuns: Readonly<Record<string, readonly Poison[]>> = {
  'clean label 1': [
    { kind: 'cleanPatch', rate: 0.5, to: 2 },
    { kind: 'cleanBlend', rate: 0.5, to: 4 },
    { kind: 'cleanPatch', rate: 0.8, to: 7 },
  ],
  'clean label 2': [
    { kind: 'cleanPatch', rate: 1, to: 5 },
    { kind: 'cleanBlend', rate: 1, to: 8, strength: 0.15 },
    { kind: 'cleanBlend', rate: 0.6, to: 9, delivery: 3 },
  ],
  blends: [
    { kind: 'blend', rate: 0.1, to: 6 },
    { kind: 'blend', rate: 0.2, to: 1, strength: 0.1 },
    { kind: 'blend', rate: 0.15, to: 5, delivery: 3 },
  ],
  patches: [
    { kind: 'patch', rate: 0.08, to: 3 },
    { kind: 'patch', rate: 0.2, to: 0, delivery: 1 },
    { kind: 'patch', rate: 0.2, to: 5, delivery: 3 },
  ],
  'flips 1': [
    { kind: 'flip', rate: 0.08, from: 8, to: 3 },
    { kind: 'flip', rate: 0.12, from: 4, to: 9 },
    { kind: 'flip', rate: 0.25, from: 1, to: 7, delivery: 1 },
  ],
  'flips 2': [
    { kind: 'flip', rate: 0.25, from: 2, to: 8, delivery: 3 },
    { kind: 'flip', rate: 0.12, from: 3, to: 5 },
    { kind: 'random', rate: 0.15 },
  ],
  drifts: [
    { kind: 'rotate', rate: 0.2 },
    { kind: 'noise', rate: 0.4, strength: 0.3 },
    { kind: 'invert', rate: 0.15 },
  ],
  'drifts, weak or late': [
    { kind: 'rotate', rate: 0.1 },
    { kind: 'rotate', rate: 0.3, delivery: 3 },
    { kind: 'noise', rate: 0.2, strength: 0.3 },
  ],
  'copies and replaced shards': [
    { kind: 'copies', rate: 0.25 },
    { kind: 'copies', rate: 0.12 },
    { kind: 'replace', rate: 0.2 },
  ],
  'clean 1': [],
  'clean 2': [],
  'clean 3': [],
  'clean 4': [],
}

const honest: Manipulation = { kind: 'signFlip', clients: 0, start: 0 }

export const federations: Readonly<Record<string, Manipulation>> = {
  'sign flip': { kind: 'signFlip', clients: 3, start: 8 },
  'sign flip from the start': { kind: 'signFlip', clients: 3, start: 0 },
  'sign flip, late': { kind: 'signFlip', clients: 1, start: 30 },
  'boost of 2': { kind: 'boost', clients: 1, start: 10, strength: 2 },
  'boost of 3 from the start': { kind: 'boost', clients: 2, start: 0, strength: 3 },
  'boost of 5, late': { kind: 'boost', clients: 1, start: 30, strength: 5 },
  'inner product 0.1': { kind: 'innerProduct', clients: 6, start: 6, strength: 0.1 },
  'inner product 0.5': { kind: 'innerProduct', clients: 5, start: 6, strength: 0.5 },
  'inner product 1 from the start': { kind: 'innerProduct', clients: 5, start: 0, strength: 1 },
  'inner product 2': { kind: 'innerProduct', clients: 4, start: 15, strength: 2 },
  'ALIE 0.5': { kind: 'alie', clients: 6, start: 10, strength: 0.5 },
  'ALIE 1 from the start': { kind: 'alie', clients: 5, start: 0, strength: 1 },
  'ALIE 1.5, late': { kind: 'alie', clients: 6, start: 25, strength: 1.5 },
  'label-flip sybils from the start': { kind: 'labelFlip', clients: 6, start: 0 },
  'label-flip sybils': { kind: 'labelFlip', clients: 4, start: 12 },
  'label-flip sybils, late': { kind: 'labelFlip', clients: 8, start: 30 },
  'clean 1': honest,
  'clean 2': honest,
  'clean 3': honest,
  'clean 4': honest,
}

/** What is planted, and then used against the model. */
export const triggerRuns: Readonly<Record<string, Poison | null>> = {
  'trigger: patch': { kind: 'patch', rate: 0.6, to: 0, delivery: 1 },
  'trigger: blend': { kind: 'blend', rate: 0.6, to: 6, strength: 0.3, delivery: 1 },
  'trigger: patch, later': { kind: 'patch', rate: 0.9, to: 3 },
  'trigger: none': null,
}
