import type { Alert } from '../decisions/alert.ts'
import { type ErrorCode, errorTable } from '../errors.ts'
import type { ReplaySummary } from '../stages/replay-summary.ts'
import { printable } from './table.ts'

/** What a replay of `seconds` came to, as lines for people. `opened`: the alerts that opened an incident. */
export function replaySummary(summary: ReplaySummary, opened: readonly Alert[], seconds: number): string {
  const { events, records, byKind, clamped, ignored, alerts, incidents, warmUp } = summary
  const rate = seconds > 0 ? ` (${Math.round(events / seconds)}/s)` : ''
  const lines = [
    `${events} events from ${records} records in ${seconds.toFixed(1)} s${rate}`,
    ...counted('  events', byKind),
    ...deadLetters(summary.deadLetters),
    ...counted('  clamped', clamped),
    ...counted('  ignored', ignored),
    `${incidents} incident${incidents === 1 ? '' : 's'} opened`,
    ...counted('  alerts by detector', alerts),
    ...opened.map(
      ({ time, severity, category, subject, title, pValue }) =>
        `  ${time.slice(0, 19)}  ${severity.padEnd(8)}  ${category.padEnd(10)}  ${subject.kind} ${subject.id}  ${title}${pValue === null ? '' : `  (p ${pValue.toExponential(1)})`}`,
    ),
    budgetLine(summary.budget),
    ...warmUp.map(({ detector, population, lacks }) => `  not armed: ${detector} on ${population}: ${lacks}`),
  ]
  return `${lines.map(printable).join('\n')}\n`
}

function counted(label: string, counts: Readonly<Record<string, number>>): string[] {
  const entries = Object.entries(counts)
  return entries.length === 0 ? [] : [`${label}: ${entries.map(([name, count]) => `${name} ${count}`).join(', ')}`]
}

function deadLetters(counts: Readonly<Record<string, number>>): string[] {
  const entries = Object.entries(counts)
  if (entries.length === 0) return []
  const total = entries.reduce((sum, [, count]) => sum + count, 0)
  return [
    `${total} dead letter${total === 1 ? '' : 's'}`,
    ...entries.map(([code, count]) => `  ${count} ${code}: ${errorTable[code as ErrorCode].title}`),
  ]
}

function budgetLine({ perDay, days, runs, spent }: ReplaySummary['budget']): string {
  const parts = Object.entries(spent).filter(([, amount]) => amount > 0)
  const total = parts.reduce((sum, [, amount]) => sum + amount, 0)
  const by = parts.map(([category, amount]) => `${category} ${amount.toFixed(3)}`).join(', ')
  const over = `${days} day${days === 1 ? '' : 's'} of events${runs === 0 ? '' : ` and ${runs} training run${runs === 1 ? '' : 's'}`}`
  return `budget: ${total.toFixed(3)} expected false incidents over ${over}, ${perDay} a day accepted${by === '' ? '' : ` (${by})`}`
}
