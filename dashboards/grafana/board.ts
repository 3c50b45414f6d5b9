import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  TextBoxVariableBuilder,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { chosen, datasource, sql } from './query.ts'

export interface Board {
  /** `tidewatch-<name>`, for good: links of others point at it. */
  readonly name: string
  readonly title: string
  readonly description: string
  /** Choices besides data source, console and environment. */
  readonly choices: readonly ('model' | 'principal' | 'run')[]
  readonly panels: readonly Builder<Panel>[]
}

/** A whole dashboard as Grafana reads it. */
export function dashboard({ name, title, description, choices, panels }: Board): Dashboard {
  const builder = new DashboardBuilder(`Tidewatch: ${title}`)
    .uid(`tidewatch-${name}`)
    .description(description)
    .tags(['tidewatch'])
    .timezone('browser')
    .time({ from: 'now-24h', to: 'now' })
    .refresh('1m')
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type(datasource.type))
    .withVariable(new TextBoxVariableBuilder('console').label('Console').defaultValue('http://localhost:8686'))
    .withVariable(environment())
    .annotation(incidents())
    .link(
      new DashboardLinkBuilder('Tidewatch')
        .type(DashboardLinkType.Dashboards)
        .tags(['tidewatch'])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    )
  for (const choice of choices) builder.withVariable(variables[choice]())
  // Grafana numbers panels itself where it must, but differently on every load.
  for (const [index, panel] of panels.entries()) builder.withPanel({ build: () => ({ ...panel.build(), id: index + 1 }) })
  return builder.build()
}

function environment(): Builder<VariableModel> {
  return several(
    'environment',
    'Environment',
    'SELECT DISTINCT environment FROM calls_by_minute WHERE $__timeFilter(minute) ORDER BY environment',
  )
}

const variables = {
  model: () =>
    several(
      'model',
      'Model',
      `SELECT DISTINCT model_name FROM calls_by_minute WHERE $__timeFilter(minute)${chosen({ environment: 'environment' })} ORDER BY model_name`,
    ),
  // Typed or followed from a link: a list of all principals would be endless.
  principal: () => new TextBoxVariableBuilder('principal').label('Principal').defaultValue(''),
  run: () =>
    one(
      'run',
      'Run',
      `SELECT run FROM (
        SELECT run, max(time) AS last FROM training_samples WHERE $__timeFilter_ms(time) GROUP BY run
        UNION ALL SELECT run, max(time) AS last FROM training_updates WHERE $__timeFilter_ms(time) GROUP BY run
      ) GROUP BY run ORDER BY max(last) DESC`,
    ),
} as const

function one(name: string, label: string, text: string): QueryVariableBuilder {
  const query = sql(text, 'table', `variable-${name}`).build() as unknown as { readonly rawSql: string }
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(datasource)
    .query({ editorType: 'sql', rawSql: query.rawSql, refId: `variable-${name}` })
    .definition(query.rawSql)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.Disabled)
}

function several(name: string, label: string, text: string): QueryVariableBuilder {
  return one(name, label, text).multi(true).includeAll(true).current({ selected: true, text: 'All', value: '$__all' })
}

/** Incidents over every panel, from first seen to last seen. */
function incidents(): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name('Incidents')
    .datasource(datasource)
    .enable(true)
    .iconColor('red')
    .target(
      sql(
        `SELECT opened AS time, window_end AS timeEnd, concat(severity, ' ', category, ': ', title) AS text, category AS tags
        FROM incidents FINAL
        WHERE $__timeFilter_ms(opened)${chosen({ environment: 'environment' })}
        ORDER BY time LIMIT 200`,
        'table',
        'Incidents',
      ),
    )
}
