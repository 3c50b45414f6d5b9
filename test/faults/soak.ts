import { Command, InvalidArgumentError } from 'commander'
import { type Target, targets } from './deployment.ts'
import { groundOf } from './grounds.ts'
import { again, runRound } from './round.ts'

/** A round that takes longer hangs. Milliseconds. */
const ROUND_DEADLINE = 900_000
/** Further rounds, as a share of those asked for, until each point had its kill. */
const EXTRA = 1

const positive = (text: string): number => {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('expected a number from 1 on')
  return number
}
const chosen = (text: string): Target[] =>
  text.split(',').map((name) => {
    const found = targets.find((target) => target === name)
    if (!found) throw new InvalidArgumentError(`expected some of ${targets.join(', ')}`)
    return found
  })

const program = new Command('soak')
  .description('Kills real processes over and over and compares what they store and send with an undisturbed run over the same log.')
  .option('--kills <n>', 'kills on each target', positive, 200)
  .option('--seed <n>', 'seed of the first round; each further one takes the next', positive, 1)
  .option('--round <n>', 'kills in a round', positive, 10)
  .option('--target <list>', `some of ${targets.join(', ')}`, chosen, [...targets])
  .parse()

const { kills, seed: first, round, target: asked } = program.opts<{ kills: number; seed: number; round: number; target: Target[] }>()
const say = (text: string) => void process.stderr.write(`${text}\n`)

/** Rounds on one target until so many kills are done and each point had one. Resolves with whether all is well. */
async function soak(target: Target): Promise<boolean> {
  const { points } = groundOf(target)
  const counts = new Map<string, number>(points.map((point) => [point, 0]))
  const begun = performance.now()
  const total = () => [...counts.values()].reduce((sum, count) => sum + count, 0)
  const missing = () => points.filter((point) => counts.get(point) === 0)
  const most = Math.ceil(kills / round) * (1 + EXTRA)
  let failed = 0
  const report = () => {
    process.stdout.write(
      `${target}: ${total()} kills, ${failed} rounds that differ, ${((performance.now() - begun) / 1000).toFixed(0)} s\n`,
    )
    for (const [point, count] of counts) process.stdout.write(`  ${String(count).padStart(5)}  ${point}\n`)
  }
  const interrupted = () => {
    report()
    process.exit(1)
  }
  process.once('SIGINT', interrupted)
  // Fewer kills than points cannot come to all of them: then this is a look at single rounds.
  const complete = () => total() >= kills && (kills < points.length || missing().length === 0)
  for (let done = 0; done < most && !complete(); done++) {
    const options = { target, seed: first + done, kills: Math.min(round, kills) }
    let step = 0
    const deadline = setTimeout(() => {
      say(`${target}: seed ${options.seed} hangs in step ${step}. Again: ${again(options)}`)
      process.exit(1)
    }, ROUND_DEADLINE)
    const result = await runRound({ ...options, onStep: () => step++ }).catch((error: Error) => ({
      differences: [error.stack ?? error.message],
      kills: {},
      steps: [],
    }))
    clearTimeout(deadline)
    for (const [point, count] of Object.entries(result.kills)) counts.set(point, (counts.get(point) ?? 0) + count)
    const seconds = ((performance.now() - begun) / 1000).toFixed(0)
    say(`${target}: seed ${options.seed}, ${total()} of ${kills} kills, ${seconds} s, ${missing().length} points to come`)
    if (result.differences.length === 0) continue
    failed++
    say(
      `NOT THE SAME as an undisturbed run:\n${result.differences.join('\n')}\nschedule: ${JSON.stringify(result.steps)}\nagain: ${again(options)}`,
    )
  }
  process.removeListener('SIGINT', interrupted)
  report()
  const never = kills < points.length ? [] : missing()
  if (never.length > 0) process.stdout.write(`never killed at: ${never.join(', ')}\n`)
  return failed === 0 && never.length === 0
}

let well = true
for (const target of asked) well = (await soak(target)) && well
process.exit(well ? 0 : 1)
