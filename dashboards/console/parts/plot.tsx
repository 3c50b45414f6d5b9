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
  /** What the height says. */
  readonly unit: string
  readonly x?: 'time' | 'number'
  /** What the place from left to right says, where that is not time. */
  readonly xUnit?: string
  /** `y`: logarithmic where values lie far apart. */
  readonly log?: 'y' | 'both' | 'none'
  /** Each value holds for so long, in units of `x`: drawn as steps. */
  readonly stepWidth?: number
  readonly height?: number
}

const colorNames = ['--c1', '--c2', '--c3', '--c4', '--c5', '--c6'] as const

/** Greatest and least value lie this many times apart before the axis is logarithmic. */
const far = 20

/** Whether values lie so far apart that the small ones could not be told from one another on an even axis. */
function isWide(lines: readonly PlotLine[]): boolean {
  const values = lines.flatMap(({ points }) => points.flatMap(([, value]) => (value === null ? [] : [value])))
  const least = values.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY)
  const greatest = values.reduce((high, value) => Math.max(high, value), 0)
  return least > 0 && greatest / least > far
}

/** Lines over time or over a number. The same numbers stand in a table beside it. */
export function Plot({ title, text, lines, unit, x = 'time', xUnit = '', log = 'none', stepWidth = 0, height = 180 }: Props) {
  const host = useRef<HTMLDivElement>(null)
  const [readout, setReadout] = useState('')
  const logarithmic = log === 'both' || (log === 'y' && isWide(lines))
  const show = (value: number) => (x === 'time' ? formatTime(new Date(value * 1000).toISOString()) : formatNumber(value))
  const key = JSON.stringify(lines)

  useEffect(() => {
    const node = host.current!
    const joined = uPlot.join(
      lines.map(({ points, level }) => {
        const drawn = stepWidth > 0 && level !== true ? ended(points, stepWidth) : points
        return [drawn.map(([at]) => at), drawn.map(([, value]) => value)] as uPlot.AlignedData
      }),
    )
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
      const values = (_: uPlot, splits: number[]) =>
        splits.map((value) => (value === null ? '' : formatNumber(value).replace(/^1\.0 × /, '')))
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
            x === 'time'
              ? { ...axis, values: timeTicks, space: 76, size: 42 }
              : { ...(log === 'both' ? byDecades(axis) : axis), values, space: 60, size: 30 },
            { ...(logarithmic ? byDecades(axis) : axis), values, size: 56, space: 26 },
          ],
          series: [
            {},
            ...lines.map(({ level, dots }, at) => ({
              stroke: color(level ? (at === lines.length - 1 ? '--mark' : '--quiet') : (colorNames[at % 6] ?? '--c1')),
              width: level ? 1.25 : 1.75,
              spanGaps: true,
              ...(level ? { dash: [5, 4] } : {}),
              ...(stepWidth > 0 && !level ? { paths: uPlot.paths.stepped!({ align: 1 }), fill: color('--wash') } : {}),
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
  }, [key, height, x, log, stepWidth])

  const rows: Row[] = lines.flatMap(({ name, points }) =>
    points.map(([at, value]) => [name, show(at), value === null ? '–' : formatNumber(value)]),
  )
  return (
    <Figure title={title} text={text} head={['Line', x === 'time' ? 'Time' : xUnit, unit]} rows={rows}>
      <ul class="legend">
        {lines.map(({ name, level }, at) => (
          <li key={name} data-line={level ? (at === lines.length - 1 ? 'limit' : 'level') : at + 1}>
            {name}
          </li>
        ))}
      </ul>
      <p class="unit">
        <span>{unit}</span>
        <span class="readout">{readout}</span>
      </p>
      <div class="plot" ref={host} role="img" aria-label={text} />
      {xUnit !== '' && <p class="unit end">{xUnit}</p>}
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

/** The last step is as wide as the others. */
function ended(points: PlotLine['points'], width: number): PlotLine['points'] {
  const last = points.at(-1)
  return last === undefined ? points : [...points, [last[0] + width, last[1]] as const]
}

/** Marks of a logarithmic axis: powers of ten, and where that leaves fewer than two, what lies between them as well. */
function decades(_: uPlot, splits: number[]): (number | null)[] {
  const among = (factors: readonly number[]) =>
    splits.map((value) => (factors.includes(Number((value / 10 ** Math.floor(Math.log10(value) + 1e-9)).toPrecision(3))) ? value : null))
  const powers = among([1])
  return powers.filter((value) => value !== null).length > 1 ? powers : among([1, 2, 5])
}

/** An axis with lines at those marks only. */
function byDecades<Axis extends { readonly grid: object; readonly ticks: object }>(axis: Axis) {
  return { ...axis, filter: decades, grid: { ...axis.grid, filter: decades }, ticks: { ...axis.ticks, filter: decades } }
}

/** From zero, where nothing is negative: heights can then be compared. */
const fromZero = (_: uPlot, low: number, high: number): [number, number] => {
  if (low === high) return low === 0 ? [0, 1] : [Math.min(0, low), Math.max(0, high) * 1.1]
  const room = (high - low) * 0.08
  return [low >= 0 ? 0 : low - room, high + room]
}
