import type { ComponentChildren } from 'preact'
import { Scroll } from './scroll.tsx'

export type Row = readonly string[]

/** Rows of the table beside a picture at most. */
const mostRows = 400

/** A picture with its sentence and its numbers: whoever does not see it reads the same. */
export function Figure({
  title,
  text,
  head,
  rows,
  children,
}: {
  readonly title: string
  readonly text: string
  readonly head: Row
  readonly rows: readonly Row[]
  readonly children: ComponentChildren
}) {
  return (
    <figure class="figure">
      <figcaption>
        <strong>{title}</strong> <span class="quiet">{text}</span>
      </figcaption>
      {children}
      <details class="numbers">
        <summary>Numbers of “{title}”</summary>
        <Scroll label={`Numbers of ${title}`}>
          <table>
            <thead>
              <tr>
                {head.map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.slice(0, mostRows).map((row, at) => (
                <tr key={at}>
                  {row.map((cell, column) => (
                    <td key={column}>{cell}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
          {rows.length > mostRows && (
            <p class="quiet">
              The first {mostRows} of {rows.length}.
            </p>
          )}
        </Scroll>
      </details>
    </figure>
  )
}
