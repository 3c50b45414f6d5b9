import type { DetectorPicture } from '../../../src/server/read-evidence.ts'
import { formatName, formatNumber } from '../format.ts'
import type { Case } from '../shapes.ts'
import { Figure } from './figure.tsx'
import { axisOf } from './scale.ts'

const width = 640
const height = 204
const floor = height - 44
const top = 46

/** Where the subject is among the others: their histogram, with what is usual and where an alert begins. */
export function Population({
  picture,
  part,
  subject,
}: {
  readonly picture: DetectorPicture
  readonly part: Case
  readonly subject: string
}) {
  const { histogram, others } = picture
  if (histogram.length === 0) return null
  const seen = part.seen ?? picture.looks.at(-1)?.value ?? null
  const limit = part.expected?.alertAbove ?? null
  const usual = part.expected?.median ?? null
  const edges = histogram.flatMap(({ from, to }) => [from, to])
  const axis = axisOf([...edges, ...[seen, limit, usual].filter((value) => value !== null)], 12, width - 12)
  const most = Math.max(...histogram.map(({ subjects }) => subjects))
  const text = [
    `${formatNumber(others)} others, from ${formatNumber(Math.min(...edges))} to ${formatNumber(Math.max(...edges))}`,
    usual === null ? '' : `, median ${formatNumber(usual)}`,
    seen === null ? '' : `; ${subject} is at ${formatNumber(seen)}`,
    limit === null ? '' : `, an alert by itself begins at ${formatNumber(limit)}`,
    '.',
  ].join('')
  return (
    <Figure
      title="Among the others"
      text={text}
      head={['From', 'To', 'Subjects']}
      rows={histogram
        .filter(({ subjects }) => subjects > 0)
        .map((bar) => [formatNumber(bar.from), formatNumber(bar.to), formatNumber(bar.subjects)])}
    >
      <svg class="drawing" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={text}>
        <line class="axis" x1="0" x2={width} y1={floor} y2={floor} />
        <text class="tick" x="0" y={height - 4}>
          tallest bar: {formatNumber(most)} {most === 1 ? 'subject' : 'subjects'}
        </text>
        <text class="tick" x={width} y={height - 4} text-anchor="end">
          {formatName(picture.quantity)}
        </text>
        {axis.ticks.map((tick) => (
          <text key={tick} class="tick" x={axis.at(tick)} y={floor + 16} text-anchor="middle">
            {formatNumber(tick)}
          </text>
        ))}
        {histogram
          .filter(({ subjects }) => subjects > 0)
          .map(({ from, to, subjects }) => {
            const tall = Math.max(2, (subjects / most) * (floor - top))
            return (
              <rect
                key={from}
                class="bar"
                x={axis.at(from)}
                y={floor - tall}
                width={Math.max(1.5, axis.at(to) - axis.at(from) - 1)}
                height={tall}
              />
            )
          })}
        {usual !== null && <Pointer at={axis.at(usual)} kind="usual" row={0} text={`median ${formatNumber(usual)}`} />}
        {limit !== null && <Pointer at={axis.at(limit)} kind="limit" row={1} text={`alert from ${formatNumber(limit)}`} />}
        {seen !== null && <Pointer at={axis.at(seen)} kind="seen" row={2} text={`seen ${formatNumber(seen)}`} />}
      </svg>
    </Figure>
  )
}

function Pointer({
  at,
  kind,
  row,
  text,
}: {
  readonly at: number
  readonly kind: 'usual' | 'limit' | 'seen'
  readonly row: number
  readonly text: string
}) {
  const y = 12 + row * 13
  const left = at > width * 0.7
  return (
    <g class="pointer" data-kind={kind}>
      <line x1={at} x2={at} y1={y - 8} y2={floor} />
      <text x={left ? at - 5 : at + 5} y={y} text-anchor={left ? 'end' : 'start'}>
        {text}
      </text>
    </g>
  )
}
