import { mkdir, writeFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import { alerting } from '../dashboards/grafana/alerting.ts'
import { dashboards } from '../dashboards/grafana/dashboards.ts'

/** What Grafana reads, by path from the project's root. */
export function grafanaFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const [name, board] of dashboards) files.set(`dashboards/grafana/json/${name}`, `${JSON.stringify(board, null, 2)}\n`)
  files.set(
    'deploy/grafana/provisioning/alerting/tidewatch.yaml',
    `# Made from dashboards/grafana/alerting.ts by \`npm run dashboards\`.\n${stringify(alerting())}`,
  )
  return files
}

if (import.meta.filename === process.argv[1]) {
  const root = new URL('..', import.meta.url)
  await mkdir(new URL('deploy/grafana/provisioning/alerting', root), { recursive: true })
  for (const [path, text] of grafanaFiles()) await writeFile(new URL(path, root), text)
}
