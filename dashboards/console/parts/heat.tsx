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
  const xs = [...new Set(cells.map(({ column }) => column))].sort((a, b) => a - b)
  // Those farthest from the usual on top.
  const strength = ({ value }: HeatCell) => (value === null ? 20 : value <= 0 ? 10 : Math.abs(Math.log(value)))
  const worst = new Map<string, number>()
  for (const cell of cells) worst.set(cell.row, Math.max(worst.get(cell.row) ?? 0, strength(cell)))
  const ys = [...worst.keys()].sort((a, b) => worst.get(b)! - worst.get(a)! || (a < b ? -1 : 1))
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
      context.fillText(`${columns} ${xs[0]}`, left, height - 5)
      if (xs.length > 1) {
        context.textAlign = 'right'
        context.fillText(`${columns} ${xs.at(-1)}`, node.clientWidth, height - 5)
        context.textAlign = 'left'
      }
      for (const cell of cells) {
        const more = cell.value === null || cell.value >= 1
        context.globalAlpha = Math.min(1, 0.08 + strength(cell) / 2)
        context.fillStyle = color(more ? '--high' : '--c1')
        context.fillRect(left + xs.indexOf(cell.column) * wide, ys.indexOf(cell.row) * tall, Math.max(1, wide - 1), tall - 2)
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
          const cell = cells.find((one) => one.column === column && one.row === row)
          setReadout(cell === undefined ? '' : `${rows} ${cell.row}, ${columns} ${cell.column}: ${cell.text}`)
        }}
      />
      <p class="readout">{readout === '' ? `warm: more than the ${columns}’s median, cold: less` : readout}</p>
    </Figure>
  )
}
