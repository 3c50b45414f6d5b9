import { expect, it } from 'vitest'
import { again, runRound } from './round.ts'

it.each([
  { target: 'chdb', seed: 1, kills: 5 },
  { target: 'server', seed: 1, kills: 5 },
] as const)(
  '$target: round $seed',
  async (options) => {
    const { differences, steps } = await runRound(options)
    expect(differences, `${again(options)}\n${JSON.stringify(steps)}`).toEqual([])
  },
  120_000,
)
