import type { Contenders, Turn } from './compare.ts'

/** The process of one contender: `contender.ts BENCH NAME`, driven by `compare.ts`. */
const [bench, name] = process.argv.slice(2) as [string, string]
const { contenders } = (await import(`../${bench}.ts`)) as { contenders: Contenders }
const work = await contenders[name]!()
let kept: unknown

process.on('message', ({ first, works }: Turn) => {
  for (let round = first; round < first + works; round++) work.prepare(round)
  const start = process.cpuUsage()
  for (let round = first; round < first + works; round++) kept = work.run(round)
  const { user, system } = process.cpuUsage(start)
  if (kept === undefined) throw new Error('the work gives nothing')
  process.send!((user + system) / 1000 / works)
})
