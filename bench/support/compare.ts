import { fork } from 'node:child_process'
import { once } from 'node:events'

/** What a contender does. A bench's `contenders` make these, each in a process of its own. */
export interface Work {
  /** Makes the input of a round ready; not timed. */
  prepare(round: number): void
  /** Does the work of a round once. What it gives is kept from being optimised away. */
  run(round: number): unknown
}

export type Contenders = Readonly<Record<string, () => Promise<Work>>>

/** What the parent asks of a contender's process, and what that answers with: CPU milliseconds for one work. */
export interface Turn {
  readonly first: number
  readonly works: number
}

export interface Timing {
  readonly name: string
  /** Median CPU milliseconds of one work, all threads of the process (so with the collection of its garbage). */
  readonly millis: number
  /** How many times the first contender's time; the median over pairs of turns that followed each other. */
  readonly ratio: number
}

export interface CompareOptions {
  readonly turns: number
  readonly worksPerTurn: number
  readonly warmUpTurns: number
}

/**
 * Takes the CPU time of contenders of a bench in turns, so that whatever else the machine does falls on all of them alike; ratios are taken
 * between turns that follow each other. Each contender has a process of its own, so that none runs on code that was compiled for
 * another's data or in memory that another filled. (Libraries measure one after the other, in one process, by the clock.)
 */
export async function compare(
  bench: string,
  names: readonly string[],
  { turns, worksPerTurn, warmUpTurns }: CompareOptions,
): Promise<Timing[]> {
  const children = names.map((name) => fork(`${import.meta.dirname}/contender.ts`, [bench, name]))
  const ended = new AbortController()
  for (const child of children) child.once('exit', () => ended.abort())
  const times = names.map((): number[] => [])
  try {
    for (let turn = -warmUpTurns; turn < turns; turn++) {
      for (const [i, child] of children.entries()) {
        child.send({ first: (turn + warmUpTurns) * worksPerTurn, works: worksPerTurn } satisfies Turn)
        const [millis] = (await once(child, 'message', { signal: ended.signal })) as [number]
        if (turn >= 0) times[i]!.push(millis)
      }
    }
  } finally {
    for (const child of children) child.kill()
  }
  return names.map((name, i) => ({
    name,
    millis: median(times[i]!),
    ratio: median(times[i]!.map((millis, turn) => millis / times[0]![turn]!)),
  }))
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
