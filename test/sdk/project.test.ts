import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { project, toBase64 } from '../../src/sdk/index.ts'
import { createRandom } from '../../src/sketches/random.ts'
import { parseVector } from '../../src/telemetry/vector.ts'
import { hasPython, python } from '../support/python.ts'

const emitter = join(import.meta.dirname, '..', '..', 'examples', 'python')

const normals = (length: number, seed: string): Float32Array => {
  const random = createRandom(seed)
  return Float32Array.from({ length }, () => random.normal())
}

describe('the projection of wide vectors', () => {
  it('keeps squared distances: unbiased, with a spread of about sqrt(2 / size)', () => {
    const ratios = Array.from({ length: 200 }, (_, n) => {
      const vector = normals(1000, `vector ${n}`)
      const length = vector.reduce((sum, x) => sum + x * x, 0)
      return project(vector, 128).reduce((sum, x) => sum + x * x, 0) / length
    })
    const mean = ratios.reduce((sum, x) => sum + x, 0) / ratios.length
    const spread = Math.sqrt(ratios.reduce((sum, x) => sum + (x - mean) ** 2, 0) / ratios.length)
    expect(mean).toBeCloseTo(1, 1)
    expect(spread).toBeGreaterThan(0.08)
    expect(spread).toBeLessThan(0.18)
  })

  it('is linear, reads parts as one vector, and leaves short vectors alone', () => {
    const a = normals(500, 'a')
    const b = normals(500, 'b')
    const sum = project(
      a.map((x, i) => x + b[i]!),
      64,
    )
    const [ofA, ofB] = [project(a, 64), project(b, 64)]
    for (let i = 0; i < 64; i++) expect(sum[i]).toBeCloseTo(ofA[i]! + ofB[i]!, 4)
    expect(project([a.subarray(0, 123), a.subarray(123)], 64)).toEqual(ofA)
    expect(project([1, 2, 3])).toEqual(Float32Array.of(1, 2, 3))
    expect(() => project(a, 6)).toThrow(RangeError)
  })

  it('reaches Tidewatch bit for bit', () => {
    fc.assert(
      fc.property(fc.float32Array({ minLength: 1, maxLength: 50, noNaN: true, noDefaultInfinity: true }), (vector) => {
        expect(parseVector(toBase64(vector), 100, {})).toEqual(vector)
      }),
    )
  })

  it.skipIf(!hasPython)('is the same in Python, so that trainers of both kinds can be compared', () => {
    const vector = normals(300, 'both')
    const program = 'import json, sys; from tidewatch_training import project; print(json.dumps(project(json.load(sys.stdin), 64)))'
    const { stdout, stderr } = spawnSync(python, ['-c', program], {
      cwd: emitter,
      input: JSON.stringify([...vector]),
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    const theirs = JSON.parse(stdout) as number[]
    for (const [i, x] of project(vector, 64).entries()) expect(theirs[i]).toBeCloseTo(x, 4)
  })
})
