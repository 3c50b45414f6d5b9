import { readdirSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { type Bench, toMarkdown } from './support/report.ts'
import { writeSection } from './support/results.ts'

/** `npm run bench -- [NAME ...] [--write]`: runs `bench/NAME.ts`, all of them without a name. */
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && file !== 'main.ts' && file !== 'eval.ts')
  .map((file) => file.slice(0, -3))
const { values, positionals } = parseArgs({ allowPositionals: true, options: { write: { type: 'boolean', default: false } } })
const unknown = positionals.filter((name) => !names.includes(name))
if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(', ')}; there are ${names.join(', ')}.`)
  process.exit(2)
}

const machine = `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`
console.log(machine)
for (const name of positionals.length > 0 ? positionals : names) {
  const bench = (await import(`./${name}.ts`)) as Bench
  const report = await bench.run()
  const text = toMarkdown(report)
  console.log(`\n${report.title}\n\n${text}`)
  if (!report.promises.every(({ kept }) => kept)) process.exitCode = 1
  if (values.write) writeSection(name, `## ${name}: ${report.title}\n\n${machine}\n\n${text}\n`)
}
