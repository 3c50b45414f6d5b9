import { formatNumber, formatShare } from '../format.ts'
import { Scroll } from './scroll.tsx'

export interface ConfusionCell {
  readonly label: string
  readonly predicted: string
  readonly own: number
  readonly others: number
}

/**
 * Rows are what the source says, columns what the model says. A cell is shaded by the share of its row, and marked where that share is far
 * above what the other sources have there.
 */
export function Confusion({
  classes,
  cells,
  source,
}: {
  readonly classes: readonly string[]
  readonly cells: readonly ConfusionCell[]
  readonly source: string
}) {
  const cellOf = (label: string, predicted: string) => cells.find((cell) => cell.label === label && cell.predicted === predicted)
  const rowOf = (label: string) => {
    const row = cells.filter((cell) => cell.label === label)
    return { own: row.reduce((sum, { own }) => sum + own, 0), others: row.reduce((sum, { others }) => sum + others, 0) }
  }
  const rows = classes.map((label) => ({ label, ...rowOf(label) })).filter(({ own }) => own > 0)
  return (
    <Scroll label={`Confusion matrix of ${source}`}>
      <table class="confusion">
        <caption>
          Rows: label that the source gives. Columns: what the model says. Shares of the row; marked where the other sources have far less.
        </caption>
        <thead>
          <tr>
            <th scope="col">label ↓ model →</th>
            {classes.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ label, own, others }) => (
            <tr key={label}>
              <th scope="row">{label}</th>
              {classes.map((predicted) => {
                const cell = cellOf(label, predicted)
                const share = (cell?.own ?? 0) / own
                const usual = others === 0 ? 0 : (cell?.others ?? 0) / others
                const odd = label !== predicted && share > 0.05 && share > 3 * usual + 0.02
                return (
                  <td
                    key={predicted}
                    data-shade={share === 0 ? 0 : Math.max(1, Math.ceil(share * 5))}
                    data-odd={odd}
                    title={`${formatNumber(cell?.own ?? 0)} of ${formatNumber(own)}; other sources ${formatShare(usual)}`}
                  >
                    {share === 0 ? '' : formatShare(share)}
                    {odd && <span class="visually-hidden">, other sources {formatShare(usual)}</span>}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}
