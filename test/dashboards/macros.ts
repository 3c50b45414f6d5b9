/** What the reader of a dashboard chose. */
export interface Choices {
  /** Seconds since the epoch. */
  readonly from: number
  readonly to: number
  readonly intervalSeconds: number
  /** Absent or empty: all. */
  readonly environment?: readonly string[]
  readonly model?: readonly string[]
  readonly principal?: string
  readonly run?: string
}

const quoted = (values: readonly string[]) => values.map((value) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`).join(',')

/** Expands macros and variables as Grafana and its ClickHouse data source (version 4) do, as far as our queries use them. */
export function expand(sql: string, choices: Choices): string {
  const { from, to, intervalSeconds } = choices
  const chosen = (name: string): readonly string[] => {
    const value = choices[name as 'environment' | 'model' | 'principal' | 'run']
    return value === undefined ? [] : typeof value === 'string' ? [value] : value
  }
  const expanded = sql
    .replaceAll(/\$__conditionalAll\(((?:[^()]|\([^()]*\))*), \$(\w+)\)/g, (_, condition: string, name: string) =>
      chosen(name).length === 0 ? '1=1' : condition,
    )
    .replaceAll(/\$\{(\w+):singlequote\}/g, (_, name: string) => (chosen(name).length === 0 ? "''" : quoted(chosen(name))))
    .replaceAll(
      /\$__timeFilter_ms\(([^)]+)\)/g,
      (_, column) => `${column} >= fromUnixTimestamp64Milli(${from * 1000}) AND ${column} <= fromUnixTimestamp64Milli(${to * 1000})`,
    )
    .replaceAll(/\$__timeFilter\(([^)]+)\)/g, (_, column) => `${column} >= toDateTime(${from}) AND ${column} <= toDateTime(${to})`)
    .replaceAll(
      /\$__timeInterval_ms\(([^)]+)\)/g,
      (_, column) => `toStartOfInterval(toDateTime64(${column}, 3), INTERVAL ${intervalSeconds * 1000} millisecond)`,
    )
    .replaceAll(
      /\$__timeInterval\(([^)]+)\)/g,
      (_, column) => `toStartOfInterval(toDateTime(${column}), INTERVAL ${Math.max(1, Math.round(intervalSeconds))} second)`,
    )
    .replaceAll('$__fromTime', `toDateTime(${from})`)
    .replaceAll('$__toTime', `toDateTime(${to})`)
  const left = /\$(?:__\w+|\{[^}]*\})/.exec(expanded)
  if (left) throw new Error(`no data source knows ${left[0]}`)
  return expanded
}
