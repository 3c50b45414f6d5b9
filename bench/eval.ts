import { readdirSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { type Report, toMarkdown } from './support/report.ts'
import { writeSection } from './support/results.ts'

/** `npm run eval -- [FAMILY ...] [--write]`: judges detectors on labelled data with `bench/eval/FAMILY.ts`, which exports `run`. */
const { values, positionals } = parseArgs({ allowPositionals: true, options: { write: { type: 'boolean', default: false } } })
const machine = `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}, seed of the defaults`
const files = readdirSync(`${import.meta.dirname}/eval`).filter((file) => file.endsWith('.ts'))
for (const family of positionals.length > 0 ? positionals : files.map((file) => file.slice(0, -3))) {
  const module = (await import(`./eval/${family}.ts`)) as { run?(): Promise<readonly Report[]> }
  for (const [index, report] of ((await module.run?.()) ?? []).entries()) {
    const text = toMarkdown(report)
    console.log(`\n${report.title}\n\n${text}`)
    if (!report.promises.every(({ kept }) => kept)) process.exitCode = 1
    if (values.write)
      writeSection(`eval ${family} ${index + 1}`, `## eval ${family} ${index + 1}: ${report.title}\n\n${machine}\n\n${text}\n`)
  }
}
