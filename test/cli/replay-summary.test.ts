import { describe, expect, it } from 'vitest'
import { replaySummary } from '../../src/cli/replay-summary.ts'
import type { ReplaySummary } from '../../src/stages/replay-summary.ts'
import { makeAlert } from '../support/alerts.ts'

const summary: ReplaySummary = {
  records: 40,
  events: 1000,
  byKind: { call: 990, metricPoint: 10 },
  deadLetters: { TW_TELEMETRY_MALFORMED: 3, TW_TELEMETRY_UNUSABLE: 1 },
  clamped: { time_future: 2 },
  ignored: {},
  alerts: { 'query-shift': 3, 'volume-and-breadth': 1 },
  incidents: 1,
  budget: { perDay: 1, days: 2, runs: 1, spent: { extraction: 0.75, poisoning: 0.125, activation: 0, signal: 0, trust: 0 } },
  warmUp: [{ detector: 'query-shift', population: 'prod/chat', lacks: '3 more subjects' }],
}

describe('the summary of a replay', () => {
  it('tells events and rate, dead letters by reason, alerts by detector, incidents, and the budget that was spent', () => {
    const alert = makeAlert({ time: '2026-03-01T10:00:00.000000Z', severity: 'high', title: 'asks \u001b[31mtoo much', pValue: 1e-6 })
    expect(replaySummary(summary, [alert], 2).split('\n')).toEqual([
      '1000 events from 40 records in 2.0 s (500/s)',
      '  events: call 990, metricPoint 10',
      '4 dead letters',
      '  3 TW_TELEMETRY_MALFORMED: The bytes are neither OTLP protobuf nor OTLP/JSON',
      '  1 TW_TELEMETRY_UNUSABLE: A span, log record or metric point cannot be used',
      '  clamped: time_future 2',
      '1 incident opened',
      '  alerts by detector: query-shift 3, volume-and-breadth 1',
      expect.stringMatching(/^ {2}2026-03-01T10:00:00 {2}high .*asks \\u001b\[31mtoo much {2}\(p 1\.0e-6\)$/),
      'budget: 0.875 expected false incidents over 2 days of events and 1 training run, 1 a day accepted (extraction 0.750, poisoning 0.125)',
      '  not armed: query-shift on prod/chat: 3 more subjects',
      '',
    ])
  })
})
