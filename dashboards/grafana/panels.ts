import {
  AxisPlacement,
  GraphDrawStyle,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import { DashboardLinkBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries'
import { datasource, sql } from './query.ts'

interface Common {
  readonly title: string
  readonly description: string
  readonly sql: string
  readonly unit?: string
  /** Shown where there are no rows: what to send so that there are some. */
  readonly empty: string
  /** Of the 24 columns of a dashboard. */
  readonly width: number
}

/** One number. */
export function number(options: Common): Stat {
  const { title, description, sql: text, unit, empty, width } = options
  const panel = new Stat().title(title).description(description).datasource(datasource).withTarget(sql(text, 'table')).noValue(empty)
  return panel
    .unit(unit ?? 'short')
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .span(width)
    .height(4)
}

/** Whether Tidewatch stores at all. */
export function newestRecord(width: number): Stat {
  return number({
    title: 'Newest record stored',
    description: 'How long ago a range of a log was last stored.',
    sql: "SELECT dateDiff('second', max(stored), now()) AS seconds FROM ranges WHERE $__timeFilter(stored)",
    unit: 's',
    empty: 'Nothing in this time',
    width,
  })
}

interface Lines extends Common {
  readonly stacked?: boolean
  readonly points?: boolean
  readonly min?: number
  /** Each line is a principal, under the label of that name: it leads to its dashboard. */
  readonly ofPrincipals?: boolean
}

/** Lines over time: the first column is `time`, a text column names the line. */
export function lines(options: Lines): TimeSeries {
  const { title, description, sql: text, unit, empty, width, stacked, points, min, ofPrincipals } = options
  const panel = new TimeSeries()
    .title(title)
    .description(description)
    .datasource(datasource)
    .withTarget(sql(text, 'series'))
    .noValue(empty)
    .unit(unit ?? 'short')
    .drawStyle(points === true ? GraphDrawStyle.Points : GraphDrawStyle.Line)
    .showPoints(points === true ? VisibilityMode.Always : VisibilityMode.Auto)
    .fillOpacity(stacked === true ? 30 : 5)
    .axisPlacement(AxisPlacement.Auto)
    .legend(new VizLegendOptionsBuilder().showLegend(true))
    .span(width)
    .height(8)
  if (min !== undefined) panel.min(min)
  if (ofPrincipals === true) panel.dataLinks([new DashboardLinkBuilder('This principal').url(principalUrl('${__field.labels.principal}'))])
  return stacked === true ? panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal)) : panel
}

/** Where a cell of a column leads; `${__value.raw}` is its value. */
export interface CellLink {
  readonly column: string
  readonly title: string
  readonly url: string
}

/** Rows as they are. */
export function table(options: Common & { readonly links?: readonly CellLink[]; readonly height?: number }): Table {
  const { title, description, sql: text, unit, empty, width, links, height } = options
  const panel = new Table().title(title).description(description).datasource(datasource).withTarget(sql(text, 'table')).noValue(empty)
  panel.span(width).height(height ?? 9)
  if (unit !== undefined) panel.unit(unit)
  for (const { column, title: name, url } of links ?? [])
    panel.overrideByName(column, [
      { id: 'links', value: [new DashboardLinkBuilder(name).url(url).build()].map(({ title, url }) => ({ title, url })) },
    ])
  return panel
}

/** The console's page of an incident. */
export const toIncident: CellLink = { column: 'incident', title: 'Open in the console', url: '${console}/incidents/${__value.raw}' }

function principalUrl(name: string): string {
  return `/d/tidewatch-principal?var-principal=${name}&\${datasource:queryparam}&\${console:queryparam}&\${__url_time_range}`
}

/** The dashboard of a principal. */
export const toPrincipal: CellLink = { column: 'principal', title: 'This principal', url: principalUrl('${__value.raw}') }

/** The same where the principal stands as the subject of an incident. */
export const toSubject: CellLink = { column: 'subject', title: 'This principal', url: principalUrl('${__value.raw}') }
