import { useEffect, useRef } from 'preact/hooks'
import type { DetectorPicture } from '../../../src/server/read-evidence.ts'
import type { Timeline } from '../../../src/server/read-timeline.ts'
import { useFetched } from '../fetched.ts'
import { formatName, formatNumber, formatPValue, formatTime, formatValue } from '../format.ts'
import { Facts, Loaded, Section } from '../parts/common.tsx'
import { Graph } from '../parts/graph.tsx'
import { Plot, type PlotLine } from '../parts/plot.tsx'
import { Population } from '../parts/population.tsx'
import type { Alert, Case, Evidence } from '../shapes.ts'

/** Parts of an alert's evidence that have a place of their own on the page. */
const placed = ['detectors', 'summary', 'calls', 'test', 'firstSeen', 'lastSeen', 'samplingRatio', 'sampling', 'configuration']

export function EvidenceSections({ alert }: { readonly alert: Alert }) {
  const fetched = useFetched<Evidence>(`/api/v1/incidents/${encodeURIComponent(alert.incident)}/evidence`)
  const { reload } = fetched
  const shown = useRef(alert.id)
  useEffect(() => {
    if (shown.current !== alert.id) reload()
    shown.current = alert.id
  }, [alert.id])
  const cases = Array.isArray(alert.evidence.detectors) ? (alert.evidence.detectors as Case[]) : []
  const isEmpty = (value: unknown) => value === null || (Array.isArray(value) && value.length === 0)
  const rest = Object.entries(alert.evidence).filter(([name, value]) => !isEmpty(value) && !placed.includes(name))
  const named = (name: string) => fetched.data?.detectors.find(({ detector }) => detector === name) ?? null
  return (
    <>
      <Section title="Evidence">
        {cases.map((part) => (
          <Detector key={part.name} part={part} picture={named(part.name)} subject={alert.subject.id} />
        ))}
        {rest.length > 0 && <Facts entries={rest.map(([name, value]) => [formatName(name), formatValue(value)])} />}
        {cases.length === 0 &&
          fetched.data?.detectors.map((picture) => <Looks key={picture.detector} picture={picture} part={{ name: picture.detector }} />)}
      </Section>
      <Section title="When">
        <Loaded fetched={fetched}>{({ timeline }) => <Events timeline={timeline} alert={alert} />}</Loaded>
      </Section>
      {alert.members.length > 1 && (
        <Section title="Together">
          <Loaded fetched={fetched}>{({ ties }) => <Graph members={alert.members.map(({ id }) => id)} ties={ties} />}</Loaded>
        </Section>
      )}
    </>
  )
}

function Detector({ part, picture, subject }: { readonly part: Case; readonly picture: DetectorPicture | null; readonly subject: string }) {
  const { seen, expected = {}, reference = {} } = part
  const columns = (
    [
      ['Seen', seen],
      [reference.subjects === undefined ? 'Median' : `Median of ${formatNumber(reference.subjects)} others`, expected.median],
      ['Their 95th percentile', expected.percentile95],
      ['Alert above', expected.alertAbove],
    ] as const
  ).filter(([, value]) => value !== undefined && value !== null)
  // A detector that supports the case without being beyond its own limit is not marked as one that is.
  const beyond = typeof seen === 'number' && typeof expected.alertAbove === 'number' && seen > expected.alertAbove
  return (
    <section class="detector" data-beyond={beyond}>
      <h3>
        <a href={`/detectors/${encodeURIComponent(part.name)}`}>{part.name}</a>{' '}
        <span class="quiet">{formatPValue(part.pValue ?? null)}</span>
      </h3>
      {part.quantity !== undefined && <p class="quantity">{formatName(part.quantity)}</p>}
      <dl class="compare">
        {columns.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{formatNumber(value as number)}</dd>
          </div>
        ))}
      </dl>
      {picture !== null && <Population picture={picture} part={part} subject={subject} />}
      {picture !== null && <Looks picture={picture} part={part} />}
      {part.facts !== undefined && (
        <p class="quiet small">
          {Object.entries(part.facts)
            .map(([name, value]) => `${formatName(name).toLowerCase()} ${formatValue(value)}`)
            .join(' · ')}
        </p>
      )}
    </section>
  )
}

/** What the detector said of the subject, look by look, against what is usual and where an alert begins. */
function Looks({ picture, part }: { readonly picture: DetectorPicture; readonly part: Case }) {
  const { looks } = picture
  if (looks.length < 2) return null
  const points = looks.map(({ time, value }) => [Date.parse(time) / 1000, value] as const)
  const ends = [points[0]![0], points.at(-1)![0]] as const
  const level = (name: string, value: number | null | undefined): PlotLine[] =>
    typeof value === 'number'
      ? [{ name: `${name} ${formatNumber(value)}`, level: true, points: ends.map((at) => [at, value] as const) }]
      : []
  const limit = part.expected?.alertAbove
  const first = looks[0]!
  const last = looks.at(-1)!
  const crossing = typeof limit === 'number' ? looks.find(({ value }) => value > limit) : undefined
  return (
    <Plot
      title="Score over time"
      text={`${formatNumber(looks.length)} looks, from ${formatNumber(first.value)} to ${formatNumber(last.value)}${
        crossing === undefined ? '' : `; above the limit since ${formatTime(crossing.time)}`
      }.`}
      unit={formatName(picture.quantity)}
      log="y"
      lines={[
        { name: 'this subject', points, dots: looks.length < 60 },
        ...level('others’ 95th percentile', part.expected?.percentile95),
        ...level('alert from', limit),
      ]}
    />
  )
}

function Events({ timeline, alert }: { readonly timeline: Timeline; readonly alert: Alert }) {
  const { lines, quantity, secondsPerPoint } = timeline
  if (lines.length === 0) {
    return (
      <p class="quiet">
        No single events are stored of it: they may be older than store.retention.calls keeps, or it is about what did not arrive.
      </p>
    )
  }
  const counted = quantity === 'calls' || quantity === 'training samples'
  const shown = lines.map(({ name, points }) => ({
    name,
    points: counted ? filled(points, timeline) : points.map(([at, value]) => [Date.parse(at) / 1000, value] as const),
  }))
  const total = lines.flatMap(({ points }) => points).reduce((sum, [, value]) => sum + value, 0)
  const peak = lines.flatMap(({ points }) => points).reduce((most, point) => (point[1] > most[1] ? point : most))
  return (
    <Plot
      title={counted ? `${formatName(quantity)}, ${stepName(secondsPerPoint)} each` : formatName(quantity)}
      text={`${counted ? `${formatNumber(total)} ${quantity} in all; ` : ''}most at ${formatTime(peak[0])}: ${formatNumber(peak[1])}. The incident was opened ${formatTime(alert.opened)}.`}
      unit={quantity}
      lines={shown}
      stepWidth={counted ? secondsPerPoint : 0}
    />
  )
}

/** Steps without events are zeros, not gaps. */
function filled(points: readonly (readonly [string, number])[], { start, end, secondsPerPoint: step }: Timeline): [number, number][] {
  const known = new Map(points.map(([at, value]) => [Date.parse(at) / 1000, value]))
  const first = Math.floor(Date.parse(start) / 1000 / step) * step
  const line: [number, number][] = []
  for (let at = first; at <= Date.parse(end) / 1000; at += step) line.push([at, known.get(at) ?? 0])
  return line
}

function stepName(seconds: number): string {
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return `${seconds / 60} min`
  return seconds < 86_400 ? `${seconds / 3_600} h` : `${seconds / 86_400} d`
}
