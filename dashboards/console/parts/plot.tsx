import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { formatNumber, formatTime } from '../format.ts'
import { Figure, type Row } from './figure.tsx'
import { onRedraw } from './redraw.ts'

export interface PlotLine {
  readonly name: string
  /** Seconds since 1970, or any number where `x` says so; value; ascending. */
  readonly points: readonly (readonly [number, number | null])[]
  /** A limit or a usual level: drawn dashed. */
  readonly level?: boolean
  readonly dots?: boolean
}

interface Props {
  readonly title: string
  /** What a reader must know who does not see the plot. */
  readonly text: string
  readonly lines: readonly PlotLine[]
  readonly unit: string
  readonly x?: 'time' | 'number'
  readonly log?: 'y' | 'both' | 'none'
  readonly steps?: boolean
  readonly height?: number
}

const colorNames = ['--c1', '--c2', '--c3', '--c4', '--c5', '--c6'] as const

const isPositive = (value: number | null) => value === null || value > 0

/** Lines over time or over a number. The same numbers stand in a table beside it. */
export function Plot({ title, text, lines, unit, x = 'time', log = 'none', steps = false, height = 180 }: Props) {
  const host = useRef<HTMLDivElement>(null)
  const [readout, setReadout] = useState('')
  const logarithmic = log !== 'none' && lines.every(({ points }) => points.every(([, value]) => isPositive(value)))
  const show = (value: number) => (x === 'time' ? formatTime(new Date(value * 1000).toISOString()) : formatNumber(value))
  const key = JSON.stringify(lines)

  useEffect(() => {
    const node = host.current!
    const joined = uPlot.join(lines.map(({ points }) => [points.map(([at]) => at), points.map(([, value]) => value)] as uPlot.AlignedData))
    let plot: uPlot | null = null
    const draw = () => {
      const style = getComputedStyle(node)
      const color = (name: string) => style.getPropertyValue(name).trim()
      const font = `11px ${style.fontFamily}`
      const axis = {
        stroke: color('--quiet'),
        font,
        grid: { stroke: color('--line'), width: 1 },
        ticks: { stroke: color('--line'), size: 4 },
      }
      const values = (_: uPlot, splits: number[]) => splits.map((value) => (value === null ? '' : formatNumber(value)))
      plot?.destroy()
      plot = new uPlot(
        {
          width: Math.max(160, node.clientWidth),
          height,
          legend: { show: false },
          cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
          scales: {
            x: { time: x === 'time', distr: log === 'both' ? 3 : 1 },
            y: { distr: logarithmic ? 3 : 1, ...(logarithmic ? {} : { range: fromZero }) },
          },
          axes: [
            x === 'time' ? { ...axis, values: timeTicks, space: 76, size: 34 } : { ...axis, values, space: 60, size: 26 },
            { ...axis, values, size: 56, space: 34 },
          ],
          series: [
            {},
            ...lines.map(({ level, dots }, at) => ({
              stroke: color(level ? (at === lines.length - 1 ? '--mark' : '--quiet') : (colorNames[at % 6] ?? '--c1')),
              width: level ? 1.25 : 1.75,
              spanGaps: true,
              ...(level ? { dash: [5, 4] } : {}),
              ...(steps && !level ? { paths: uPlot.paths.stepped!({ align: 1 }), fill: color('--wash') } : {}),
              points: { show: dots === true, size: 6 },
            })),
          ],
          hooks: {
            setCursor: [
              ({ cursor, data }) => {
                const at = cursor.idx
                if (at === null || at === undefined) return setReadout('')
                const told = lines
                  .map(({ name }, line) => [name, data[line + 1]?.[at]] as const)
                  .filter(([, value]) => value !== null && value !== undefined)
                setReadout([show(data[0][at]!), ...told.map(([name, value]) => `${name} ${formatNumber(value as number)}`)].join(' · '))
              },
            ],
          },
        },
        joined,
        node,
      )
    }
    draw()
    const end = onRedraw(node, () => plot?.setSize({ width: Math.max(160, node.clientWidth), height }), draw)
    return () => {
      end()
      plot?.destroy()
    }
  }, [key, height, x, log, steps])

  const rows: Row[] = lines.flatMap(({ name, points }) =>
    points.map(([at, value]) => [name, show(at), value === null ? '–' : formatNumber(value)]),
  )
  return (
    <Figure title={title} text={text} head={['Line', x === 'time' ? 'Time' : 'At', unit]} rows={rows}>
      <ul class="legend">
        {lines.map(({ name, level }, at) => (
          <li key={name} data-line={level ? (at === lines.length - 1 ? 'limit' : 'level') : at + 1}>
            {name}
          </li>
        ))}
      </ul>
      <div class="plot" ref={host} role="img" aria-label={text} />
      <p class="readout">{readout === '' ? unit : readout}</p>
    </Figure>
  )
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
const fineClock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })

/** Times of the day, with the date where it changes. */
function timeTicks(_: uPlot, splits: number[], _axis: number, _space: number, step: number): string[] {
  let last = ''
  return splits.map((second) => {
    const at = new Date(second * 1000)
    const day = date.format(at)
    const changed = day !== last
    last = day
    if (step >= 86_400) return day
    const time = (step < 60 ? fineClock : clock).format(at)
    return changed ? `${time}\n${day}` : time
  })
}

/** From zero, where nothing is negative: heights can then be compared. */
const fromZero = (_: uPlot, low: number, high: number): [number, number] => {
  if (low === high) return low === 0 ? [0, 1] : [Math.min(0, low), Math.max(0, high) * 1.1]
  const room = (high - low) * 0.08
  return [low >= 0 ? 0 : low - room, high + room]
}
