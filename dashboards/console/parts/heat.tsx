import { useEffect, useRef, useState } from 'preact/hooks'
import { formatNumber } from '../format.ts'
import { Figure } from './figure.tsx'
import { onRedraw } from './redraw.ts'

export interface HeatCell {
  readonly column: number
  readonly row: string
  /** A multiple of what is usual; null where it is not finite. */
  readonly value: number | null
  readonly text: string
}

const tall = 14
const left = 130

/** Rows by columns, the farther from the usual the stronger. On a canvas: a long run has thousands of cells. */
export function Heat({
  title,
  cells,
  columns,
  rows,
}: {
  readonly title: string
  readonly cells: readonly HeatCell[]
  readonly columns: string
  readonly rows: string
}) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [readout, setReadout] = useState('')
  const byPlace = new Map(cells.map((cell) => [`${cell.column}/${cell.row}`, cell]))
  const xs = [...new Set(cells.map(({ column }) => column))].sort((a, b) => a - b)
  // Those farthest from the usual on top.
  const strength = ({ value }: HeatCell) => (value === null ? 20 : value <= 0 ? 10 : Math.abs(Math.log(value)))
  const worst = new Map<string, number>()
  for (const cell of cells) worst.set(cell.row, Math.max(worst.get(cell.row) ?? 0, strength(cell)))
  const ys = [...worst.keys()].sort((a, b) => worst.get(b)! - worst.get(a)! || (a < b ? -1 : 1))
  const xAt = new Map(xs.map((column, at) => [column, at]))
  const yAt = new Map(ys.map((row, at) => [row, at]))
  const height = ys.length * tall + 20
  const far = cells.filter(({ value }) => value === null || value > 3).sort((a, b) => strength(b) - strength(a))
  const farRows = new Set(far.map(({ row }) => row))
  const text = `${formatNumber(ys.length)} ${rows}s in ${formatNumber(xs.length)} ${columns}s; ${
    far.length === 0 ? 'none is above three times the median.' : `above three times the median: ${[...farRows].slice(0, 5).join(', ')}.`
  }`
  const widthOf = (node: HTMLCanvasElement) => Math.max(2, (node.clientWidth - left) / Math.max(1, xs.length))

  useEffect(() => {
    const node = canvas.current!
    const draw = () => {
      const ratio = devicePixelRatio
      node.width = node.clientWidth * ratio
      node.height = height * ratio
      const context = node.getContext('2d')!
      const style = getComputedStyle(node)
      const color = (name: string) => style.getPropertyValue(name).trim()
      context.scale(ratio, ratio)
      context.clearRect(0, 0, node.clientWidth, height)
      context.font = `11px ${style.fontFamily}`
      const wide = widthOf(node)
      context.fillStyle = color('--quiet')
      for (const [at, row] of ys.entries()) context.fillText(row.length > 18 ? `${row.slice(0, 17)}…` : row, 0, at * tall + 11)
      context.textAlign = 'right'
      context.fillText(columns, left - 6, height - 5)
      context.textAlign = 'center'
      const every = xs.length > 1 ? Math.max(1, Math.ceil(30 / wide)) : 1
      for (const [at, column] of xs.entries()) if (at % every === 0) context.fillText(String(column), left + (at + 0.5) * wide, height - 5)
      context.textAlign = 'left'
      for (const cell of cells) {
        const more = cell.value === null || cell.value >= 1
        context.globalAlpha = Math.min(1, 0.08 + strength(cell) / 2)
        context.fillStyle = color(more ? '--high' : '--c1')
        context.fillRect(left + xAt.get(cell.column)! * wide, yAt.get(cell.row)! * tall, Math.max(1, wide - 1), tall - 2)
      }
      context.globalAlpha = 1
    }
    draw()
    return onRedraw(node, draw, draw)
  }, [cells])

  return (
    <Figure
      title={title}
      text={text}
      head={[rows, columns, 'What']}
      rows={[...cells].sort((a, b) => strength(b) - strength(a)).map((cell) => [cell.row, String(cell.column), cell.text])}
    >
      <canvas
        class="heat"
        ref={canvas}
        height={height}
        role="img"
        aria-label={text}
        onMouseMove={(event) => {
          const node = event.currentTarget
          const box = node.getBoundingClientRect()
          const column = xs[Math.floor((event.clientX - box.left - left) / widthOf(node))]
          const row = ys[Math.floor((event.clientY - box.top) / tall)]
          const cell = byPlace.get(`${column}/${row}`)
          setReadout(cell === undefined ? '' : `${rows} ${cell.row}, ${columns} ${cell.column}: ${cell.text}`)
        }}
      />
      <ul class="legend" data-of="heat">
        <li data-heat="less">less than the {columns}’s median</li>
        <li data-heat="usual">about the median</li>
        <li data-heat="more">more</li>
        <li class="readout">{readout}</li>
      </ul>
    </Figure>
  )
}
