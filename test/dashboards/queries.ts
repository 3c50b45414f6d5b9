import { alerting } from '../../dashboards/grafana/alerting.ts'
import { dashboards } from '../../dashboards/grafana/dashboards.ts'

export interface Query {
  /** Dashboard and panel, for people. */
  readonly where: string
  readonly rawSql: string
  /** 0: series, 1: table. */
  readonly format: number
}

/** What is read of a dashboard's file. */
export interface Board {
  readonly uid: string
  readonly title: string
  readonly panels: readonly {
    readonly title: string
    readonly type: string
    readonly description: string
    readonly fieldConfig: {
      readonly defaults: { readonly noValue?: string; readonly links?: readonly Link[] }
      readonly overrides: readonly {
        readonly matcher: { readonly options: unknown }
        readonly properties: readonly { readonly id: string; readonly value: unknown }[]
      }[]
    }
    readonly targets: readonly { readonly rawSql: string; readonly format: number }[]
  }[]
  readonly templating: {
    readonly list: readonly { readonly type: string; readonly name: string; readonly query: { readonly rawSql: string } }[]
  }
  readonly annotations: {
    readonly list: readonly {
      readonly name: string
      readonly enable: boolean
      readonly target: { readonly rawSql: string; readonly format: number }
    }[]
  }
}

export interface Link {
  readonly title: string
  readonly url: string
}

/** Every dashboard as Grafana reads it: what is no JSON is gone. */
export const boards = [...dashboards].map(([file, board]) => ({ file, board: JSON.parse(JSON.stringify(board)) as Board }))

export const rules = (alerting() as { groups: { rules: { title: string; data: { model: { rawSql?: string } }[] }[] }[] }).groups[0]!.rules

export const panelQueries: readonly (Query & { readonly type: string })[] = boards.flatMap(({ board }) =>
  board.panels.flatMap(({ title, type, targets }) => targets.map((target) => ({ ...target, type, where: `${board.uid}: ${title}` }))),
)

export const variableQueries: readonly Query[] = boards.flatMap(({ board }) =>
  board.templating.list
    .filter(({ type }) => type === 'query')
    .map(({ name, query }) => ({ rawSql: query.rawSql, format: 1, where: `${board.uid}: variable ${name}` })),
)

export const annotationQueries: readonly Query[] = boards.flatMap(({ board }) =>
  board.annotations.list.map(({ name, target }) => ({ ...target, where: `${board.uid}: annotation ${name}` })),
)

export const ruleQueries: readonly Query[] = rules.map(({ title, data }) => ({ where: title, rawSql: data[0]!.model.rawSql!, format: 1 }))
