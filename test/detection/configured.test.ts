import { describe, expect, it } from 'vitest'
import { ordinarySources, samplesOf } from '../../detectors/poisoning/examples.ts'
import { configSchema } from '../../src/config/schema.ts'
import { configuredDetectors } from '../../src/detection/configured.ts'
import { createDetection } from '../../src/detection/detect.ts'
import { detectors } from '../../src/detection/registry.ts'

describe('configured detectors', () => {
  it('are those of the registry where the configuration says nothing', () => {
    expect(configuredDetectors(configSchema.parse({}))).toEqual(detectors)
  })

  it('leave out what is switched off, and refuse what there is not', () => {
    const names = configuredDetectors(configSchema.parse({ decisions: { disabled: ['label-flip'] } })).map(({ name }) => name)
    expect(names).toEqual(detectors.map(({ name }) => name).filter((name) => name !== 'label-flip'))
    expect(() => configuredDetectors(configSchema.parse({ decisions: { disabled: ['no-such'] } }))).toThrow('no-such')
  })

  it('compare shards with the bill of materials', () => {
    const listed = ['shard-0', ...ordinarySources().flatMap((_, n) => [`sha256:shard-${n}-a`, `sha256:shard-${n}-b`])]
    const said = (billOfMaterials: string[]) => {
      const detection = createDetection({ seed: 1, detectors: configuredDetectors(configSchema.parse({ poisoning: { billOfMaterials } })) })
      return samplesOf(ordinarySources(), {})
        .flatMap((event) => detection.process(event))
        .filter(({ detector }) => detector === 'provenance')
        .map(({ subject }) => subject.id)
    }
    expect(said(listed)).toEqual([])
    expect(said(listed.filter((digest) => digest !== 'sha256:shard-3-a'))).toEqual(['shard-3-a'])
  })
})
