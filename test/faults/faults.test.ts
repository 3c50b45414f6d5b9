import { expect, it } from 'vitest'
import { canStartKafka } from '../support/kafka/kafka.ts'
import type { Target } from './deployment.ts'
import { again, runRound } from './round.ts'

const kafka = await canStartKafka()
const rounds: readonly { target: Target; seed: number; kills: number }[] = [
  { target: 'chdb', seed: 1, kills: 4 },
  { target: 'server', seed: 1, kills: 4 },
  ...(kafka ? [{ target: 'kafka', seed: 1, kills: 3 } as const] : []),
]

it.each(rounds)(
  '$target: processes killed by the schedule of seed $seed leave what an undisturbed run leaves',
  async (options) => {
    const { differences, steps } = await runRound(options)
    expect(differences, `${again(options)}\n${JSON.stringify(steps)}`).toEqual([])
  },
  180_000,
)
