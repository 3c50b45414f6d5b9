import type { ComponentChildren } from 'preact'
import type { Severity } from '../../../src/decisions/alert.ts'
import type { Fetched } from '../fetched.ts'
import { formatTime } from '../format.ts'
import { to } from '../router.ts'
import { Scroll } from './scroll.tsx'

export function Time({ iso }: { readonly iso: string }) {
  return (
    <time dateTime={iso} title={iso}>
      {formatTime(iso)}
    </time>
  )
}

export function Mark({ severity }: { readonly severity: Severity | 'none' }) {
  return (
    <span class="mark" data-severity={severity}>
      {severity}
    </span>
  )
}

export function Chip({
  children,
  kind = 'plain',
}: {
  readonly children: ComponentChildren
  readonly kind?: 'plain' | 'good' | 'warn' | 'bad'
}) {
  return (
    <span class="chip" data-kind={kind}>
      {children}
    </span>
  )
}

/** A subject by kind and id; a principal leads to its page. */
export function Subject({ kind, id }: { readonly kind: string; readonly id: string }) {
  return (
    <span class="subject">
      <span class="quiet">{kind}</span> {kind === 'principal' ? <a href={to.principal(id)}>{id}</a> : id}
    </span>
  )
}

export function Facts({ entries }: { readonly entries: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {entries
        .filter(([, value]) => value !== null && value !== undefined && value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}

export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="lead">{title}</p>
      {children}
    </div>
  )
}

export function Section({
  title,
  children,
  aside,
}: {
  readonly title: string
  readonly children: ComponentChildren
  readonly aside?: ComponentChildren
}) {
  return (
    <section class="section">
      <div class="section-head">
        <h2>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  )
}

/** The answer once it is there; until then that it is awaited, or why it does not come. */
export function Loaded<T>({ fetched, children }: { readonly fetched: Fetched<T>; readonly children: (data: T) => ComponentChildren }) {
  if (fetched.data !== null) return <>{children(fetched.data)}</>
  if (fetched.error !== null) {
    return (
      <div class="empty" role="alert">
        <p class="lead">This cannot be read now</p>
        <p>{fetched.error}</p>
        <button type="button" onClick={fetched.reload}>
          Try again
        </button>
      </div>
    )
  }
  return (
    <p class="quiet" role="status">
      Reading…
    </p>
  )
}

export interface Column<Row> {
  readonly name: string
  readonly cell: (row: Row) => ComponentChildren
  readonly number?: boolean
  /** Of lesser weight: left out where the screen is narrow. */
  readonly wide?: boolean
}

export function Table<Row>({
  caption,
  columns,
  rows,
  keyOf,
}: {
  readonly caption: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
}) {
  const classOf = ({ number, wide }: Column<Row>) => `${number ? 'number' : ''}${wide ? ' wide' : ''}`
  return (
    <Scroll label={caption}>
      <table>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" class={classOf(column)}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column) => (
                <td key={column.name} class={classOf(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}

/** A choice that stands in the address. */
export function Choice({
  name,
  label,
  options,
  value,
  onChange,
}: {
  readonly name: string
  readonly label: string
  readonly options: readonly (readonly [string, string])[]
  readonly value: string
  readonly onChange: (value: string) => void
}) {
  return (
    <label class="choice">
      <span>{label}</span>
      <select name={name} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}
