import { formatNumber, formatShare } from '../format.ts'
import { Scroll } from './scroll.tsx'

export interface ConfusionCell {
  readonly label: string
  readonly predicted: string
  readonly own: number
  readonly others: number
}

interface ConfusionRow {
  own: number
  others: number
  /** By what the model says. */
  readonly cells: Map<string, ConfusionCell>
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
  const byLabel = new Map<string, ConfusionRow>()
  for (const cell of cells) {
    const row = byLabel.get(cell.label) ?? { own: 0, others: 0, cells: new Map() }
    byLabel.set(cell.label, row)
    row.own += cell.own
    row.others += cell.others
    row.cells.set(cell.predicted, cell)
  }
  const rows = classes.flatMap((label) => {
    const row = byLabel.get(label)
    return row === undefined || row.own === 0 ? [] : [{ label, ...row }]
  })
  const odd = rows.flatMap(({ label, own, others, cells: row }) =>
    [...row.values()].flatMap((cell) => {
      const share = cell.own / own
      const usual = others === 0 ? 0 : cell.others / others
      return label !== cell.predicted && isOdd(share, usual) ? [{ ...cell, share, usual }] : []
    }),
  )
  const told = odd
    .sort((a, b) => b.share - a.share)
    .slice(0, 3)
    .map(
      (cell) =>
        `of what it calls ${cell.label} the model says ${cell.predicted} in ${wholePercent(cell.share)} (others ${wholePercent(cell.usual)})`,
    )
  return (
    <>
      <p class="note">
        {told.length === 0 ? 'No pair of classes stands out from what the other sources have.' : `It stands out: ${told.join('; ')}.`}
      </p>
      <Scroll label={`Confusion matrix of ${source}`}>
        <table class="confusion">
          <caption>
            Rows: label that the source gives. Columns: what the model says. Shares of the row; marked where the other sources have far
            less.
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
            {rows.map(({ label, own, others, cells: row }) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                {classes.map((predicted) => {
                  const cell = row.get(predicted)
                  const share = (cell?.own ?? 0) / own
                  const usual = others === 0 ? 0 : (cell?.others ?? 0) / others
                  const odd = label !== predicted && isOdd(share, usual)
                  return (
                    <td
                      key={predicted}
                      data-shade={share === 0 ? 0 : Math.max(1, Math.ceil(share * 5))}
                      data-odd={odd}
                      title={`${formatNumber(cell?.own ?? 0)} of ${formatNumber(own)}; other sources ${formatShare(usual)}`}
                    >
                      {share === 0 ? '' : wholePercent(share)}
                      {odd && <span class="visually-hidden">, other sources {formatShare(usual)}</span>}
                    </td>
                  )
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  )
}

/** Whether a source has a pair of classes far more often than the others do. */
const isOdd = (share: number, usual: number) => share > 0.05 && share > 3 * usual + 0.02

/** Cells are compared at a glance; the exact counts are in the tip. */
const wholePercent = (share: number) => (share < 0.01 ? '< 1 %' : `${Math.round(100 * share)} %`)
