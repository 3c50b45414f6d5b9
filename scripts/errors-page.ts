import { errorTable } from '../src/errors.ts'

/** `docs/errors.md`, made from the closed table of error codes. */
export function errorsPage(): string {
  const rows = Object.entries(errorTable).map(([code, { title, action }]) => `## ${code}\n\n${title}.\n\n${action}\n`)
  return `# Errors

<!-- Made from src/errors.ts by \`npm run docs\`; do not edit. -->

Every error that Tidewatch raises on purpose carries one of these codes: in the log, in dead letters, in the answers of the API and on the
command line. The list is closed; codes keep their meaning.

${rows.join('\n')}`
}
