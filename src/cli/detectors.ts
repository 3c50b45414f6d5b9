import { Command } from 'commander'
import { detectorNamed, detectors } from '../detection/registry.ts'

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
      const { title, category, version, consumes, maxSubjects, quantity, effectFloor } = detectorNamed(name)
      process.stdout.write(
        [
          `${name} (${category}, version ${version})`,
          `  finds         ${finding(title)}`,
          `  consumes      ${consumes.join(', ')}`,
          `  subjects      at most ${maxSubjects} at once`,
          `  score means   ${quantity.name}`,
          `  silent below  ${quantity.value(effectFloor).toPrecision(3)}, however sure it is`,
          '',
        ].join('\n'),
      )
    })
  return command
}

/** A title without a subject. */
function finding(title: string): string {
  return title.replace('{subject}', 'a subject')
}
