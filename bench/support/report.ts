/** One measured table. The file `bench/NAME.ts` exports `run`, which gives one. */
export interface Report {
  readonly title: string
  /** What was done and what it was compared with, in a few sentences. */
  readonly about: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** What the project promises of this bench; a missed one makes the run fail. */
  readonly promises: readonly { readonly text: string; readonly measured: string; readonly kept: boolean }[]
}

export interface Bench {
  run(): Promise<Report>
}

/** The report as Markdown, without its heading. */
export function toMarkdown(report: Report): string {
  const widths = report.columns.map((column, i) => Math.max(column.length, ...report.rows.map((row) => row[i]!.length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  const promises = report.promises.map(({ text, measured, kept }) => `- ${text}: **${measured}** (${kept ? 'kept' : 'NOT kept'})`)
  return [report.about, '', line(report.columns), rule, ...report.rows.map(line), ...(promises.length > 0 ? ['', ...promises] : [])].join(
    '\n',
  )
}
