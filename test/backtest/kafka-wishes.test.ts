import { describe, expect, it } from 'vitest'
import { parseRangeWish, parseTime } from '../../src/backtest/kafka-wishes.ts'

describe('a range of a topic on the command line', () => {
  it('has a topic, perhaps a partition, and ends that are offsets, times or left out', () => {
    expect(parseRangeWish('otlp_spans')).toEqual({ topic: 'otlp_spans', partition: null, from: null, to: null })
    expect(parseRangeWish('a.b-c_d:3@10..20')).toEqual({ topic: 'a.b-c_d', partition: 3, from: { offset: 10 }, to: { offset: 20 } })
    expect(parseRangeWish('spans@..7')).toEqual({ topic: 'spans', partition: null, from: null, to: { offset: 7 } })
    expect(parseRangeWish('spans@2026-03-01..2026-03-01T12:30+02:00')).toEqual({
      topic: 'spans',
      partition: null,
      from: { time: Date.UTC(2026, 2, 1) },
      to: { time: Date.UTC(2026, 2, 1, 10, 30) },
    })
  })

  it('takes a time without a zone for UTC', () => {
    expect(parseTime('2026-03-01T12:00', 'x')).toBe(Date.UTC(2026, 2, 1, 12))
    expect(parseTime('2026-03-01T12:00:05.5Z', 'x')).toBe(Date.UTC(2026, 2, 1, 12, 0, 5, 500))
  })

  it('is wrong use where it says something else', () => {
    for (const text of [
      '',
      ':1',
      'spans:x',
      'spans@5',
      'spans@1..2..3',
      'spans@yesterday..',
      'spans@9..3',
      'spans@2026-03-02..2026-03-01',
      'spans@2026-13-01..',
    ])
      expect(() => parseRangeWish(text), text).toThrow(expect.objectContaining({ code: 'TW_USAGE' }))
  })
})
