import { identifier } from './insert.ts'

/** `{{onCluster}}` and `{{engine}}` (`Replicated` or nothing) filled in; comments dropped; one statement an element. */
export function statements(template: string, cluster: string | null): string[] {
  return template
    .replace(/^\s*--.*$/gm, '')
    .replaceAll('{{onCluster}}', onCluster(cluster))
    .replaceAll('{{engine}}', cluster === null ? '' : 'Replicated')
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
}

export function onCluster(cluster: string | null): string {
  return cluster === null ? '' : `ON CLUSTER ${identifier(cluster)}`
}
