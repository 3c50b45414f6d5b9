import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'

/** What the panels read from: whatever the reader of the dashboard chose. */
export const datasource = { type: 'grafana-clickhouse-datasource', uid: '${datasource}' } as const

/** How the data source hands the rows on: as series (first column `time`), or as they are. */
export type Format = 'series' | 'table'

/** A query of the ClickHouse data source (its version 4). The SQL uses its macros, see docs/grafana.md. */
export function sql(text: string, format: Format, refId = 'A'): Builder<Dataquery> {
  const query = {
    refId,
    datasource,
    editorType: 'sql',
    rawSql: text.trim().replaceAll(/\n\s*/g, '\n'),
    format: format === 'series' ? 0 : 1,
    _implementsDataqueryVariant() {},
  }
  return { build: () => query }
}

/** Rows of the environments and models that the reader chose. `columns` names theirs in the table. */
export function chosen(columns: { readonly environment?: string; readonly model?: string }): string {
  const conditions: string[] = []
  if (columns.environment !== undefined)
    conditions.push(`$__conditionalAll(${columns.environment} IN (\${environment:singlequote}), $environment)`)
  if (columns.model !== undefined) conditions.push(`$__conditionalAll(${columns.model} IN (\${model:singlequote}), $model)`)
  return conditions.map((condition) => ` AND ${condition}`).join('')
}
