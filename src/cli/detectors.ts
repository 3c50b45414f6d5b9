import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { detectorNamed, detectors } from '../detection/registry.ts'
import { packageRoot } from './version.ts'
import { wrapped } from './wrapped.ts'

/** `tidewatch detectors [show NAME]`: what looks at the telemetry. */
export function detectorsCommand(): Command {
  const command = new Command('detectors')
    .description('List the detectors, or show one.')
    .option('--json', 'one object a line')
    .action(({ json }: { json?: boolean }) => {
      const rows = detectors.map(({ name, category, version, title, consumes }) => ({ name, category, version, consumes, title }))
      if (json) for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`)
      else {
        const width = Math.max(...rows.map((row) => row.name.length))
        for (const row of rows) process.stdout.write(`${row.name.padEnd(width)}  ${row.category.padEnd(10)}  ${finding(row.title)}\n`)
      }
    })
    .addHelpText(
      'after',
      `
Examples:
  tidewatch detectors
  tidewatch detectors show query-shift
  tidewatch detectors --json | jq .name`,
    )
  command
    .command('show <name>')
    .description('Show what a detector looks at, how much it keeps and what its score means.')
    .addHelpText('after', '\nExample:\n  tidewatch detectors show query-shift')
    .action((name: string) => {
      detectorNamed(name)
      process.stdout.write(`${plain(sectionOf(name))}\n`)
    })
  return command
}

/** What the page of the detectors says of one. */
function sectionOf(name: string): string {
  const page = readFileSync(join(packageRoot, 'docs', 'detectors', 'reference.md'), 'utf8')
  const from = page.indexOf(`\n## ${name}\n`) + 1
  const to = page.indexOf('\n## ', from)
  return page.slice(from, to < 0 ? undefined : to).trim()
}

/** Markdown as a terminal shows it: lines of a hundred columns, tables as columns. */
function plain(markdown: string): string {
  const blocks = markdown.split(/\n{2,}/).map((block) => {
    if (block.startsWith('|')) {
      const rows = block.split('\n').slice(2)
      return rows
        .map((row) =>
          row
            .split('|')
            .slice(1, 3)
            .map((cell) => cell.trim()),
        )
        .map(([fact, value]) => `  ${fact!.padEnd(14)}${value}`)
        .join('\n')
    }
    return wrapped(block.replace(/^## /, '').replaceAll('**', ''), 100).join('\n')
  })
  return blocks.join('\n\n')
}

/** A title without a subject. */
function finding(title: string): string {
  return title.replace('{subject}', 'a subject')
}
