import { describe, expect, it } from 'vitest'
import { gauge } from '../../../detectors/signal/examples.ts'
import { seriesSilence } from '../../../detectors/signal/series-silence.ts'
import { silenceExample } from '../../../detectors/signal/silence-example.ts'
import { createDecisions } from '../../../src/decisions/decide.ts'
import { createDetection, type Detection } from '../../../src/detection/detect.ts'
import type { Observation } from '../../../src/detection/observation.ts'
import { createRandom } from '../../../src/sketches/random.ts'

const start = Date.UTC(2026, 0, 5) * 1000
const minute = 60e6
const day = 86_400e6

const created = (): Detection => createDetection({ seed: 'test', detectors: [seriesSilence] })
const silences = (observations: readonly Observation[]): Observation[] => observations.filter(({ score }) => score > 0)

/** A point a minute for `days`, and then nothing. */
function alive(detection: Detection, days: number, at: (time: number) => boolean = () => true): Observation[] {
  const said: Observation[] = []
  for (let time = start; time < start + days * day; time += minute) {
    if (at(time)) said.push(...detection.process(gauge('requests', time, 1)))
    said.push(...detection.advance(time))
  }
  return said
}

/** Nothing comes but the clock's ticks. */
function quiet(detection: Detection, from: number, minutes: number): Observation[] {
  return Array.from({ length: 6 * minutes }, (_, i) => detection.advance(from + (i + 1) * 10e6)).flat()
}

describe('a series that stops', () => {
  it('is told of while it is silent, by the clock alone, more and more surely, with what was to be expected', () => {
    const detection = created()
    expect(silences(alive(detection, 3))).toEqual([])
    const told = silences(quiet(detection, start + 3 * day, 120))
    expect(told.length).toBeGreaterThan(3)
    const sure = told.find(({ pValue }) => pValue! < 1e-5)!
    expect(sure.time).toBeLessThan(start + 3 * day + 60 * minute)
    expect(sure).toMatchObject({
      subject: { kind: 'series', id: 'requests' },
      metric: 'requests',
      service: 'example-service',
      ref: '2026-01-07T23:59:00.000Z',
    })
    expect(sure.evidence).toMatchObject({ usualIntervalSeconds: 60 })
    const pValues = told.map(({ pValue }) => pValue!)
    expect(pValues).toEqual([...pValues].sort((a, b) => b - a))
  })

  it('is told of the same where the state was kept and restored amid its silence', () => {
    const whole = created()
    alive(whole, 2)
    quiet(whole, start + 2 * day, 10)
    const again = created()
    again.restore(whole.snapshot())
    const expected = quiet(whole, start + 2 * day + 10 * minute, 60)
    expect(silences(expected).length).toBeGreaterThan(0)
    expect(quiet(again, start + 2 * day + 10 * minute, 60)).toEqual(expected)
  })

  it('is no news while nobody knows its nights, nor every night once they are known', () => {
    expect(
      silences(
        quiet(
          (() => {
            const young = created()
            alive(young, 0.9)
            return young
          })(),
          start + 0.9 * day,
          600,
        ),
      ),
    ).toEqual([])
    const byDay = silences(alive(created(), 14, (time) => Math.floor(time / 3_600e6) % 24 >= 7))
    const lateNights = byDay.filter(({ time, pValue }) => time > start + 5 * day && pValue! < 1e-3)
    expect(lateNights).toEqual([])
  })

  it('is waited for as long as its points were late before', () => {
    const detection = created()
    const said: Observation[] = []
    for (let time = start; time < start + 3 * day; time += minute) {
      // An exporter that sends once in two hours.
      if ((time - start) % (120 * minute) === 0) {
        for (let i = 120; i > 0; i--) said.push(...detection.process(gauge('batch', time - i * minute, 1)))
      }
      said.push(...detection.advance(time))
    }
    expect(silences(said)).toEqual([])
  })
})

it('a whole service that dies opens incidents by the clock alone, about no other series than its own', () => {
  const detection = created()
  const decisions = createDecisions({ falseIncidentsPerDay: 1, detectors: [seriesSilence] })
  const events = silenceExample.benign()
  const last = events.at(-1)!.time
  const alerts = events.flatMap((event) =>
    [...detection.process(event), ...detection.advance(event.time)].flatMap((observation) => decisions.process(observation).alerts),
  )
  expect(alerts).toEqual([])
  for (let time = last; time < last + 0.5 * day; time += 10e6) {
    for (const observation of detection.advance(time)) alerts.push(...decisions.process(observation).alerts)
    alerts.push(...decisions.advance(time))
  }
  const opened = alerts.filter(({ status }) => status === 'opened')
  expect(opened.length).toBeGreaterThan(0)
  for (const alert of opened) expect(alert).toMatchObject({ detector: 'series-silence', category: 'signal', service: 'example-service' })
})

it('p-values are honest: of series whose points come by chance alone, so many silences as they say', () => {
  const random = createRandom('silence')
  let days = 0
  const rare: number[] = []
  for (let series = 0; series < 40; series++) {
    const detection = created()
    let time = start
    const worst = new Map<number, number>()
    while (time < start + 6 * day) {
      time -= Math.log(1 - random.uniform()) * 5 * minute
      for (const { time: at, pValue } of silences(detection.advance(time))) {
        const today = Math.floor(at / day)
        worst.set(today, Math.min(worst.get(today) ?? 1, pValue!))
      }
      detection.process(gauge('requests', time, 1))
    }
    days += 5
    rare.push(...worst.values())
  }
  for (const bound of [0.3, 0.1, 0.01]) {
    expect(rare.filter((pValue) => pValue <= bound).length).toBeLessThan(bound * days + 3 * Math.sqrt(bound * days) + 1)
  }
  expect(rare.filter((pValue) => pValue <= 0.5).length).toBeGreaterThan(5)
})

it('costs less than 800 bytes a series', () => {
  const detector = seriesSilence.build('test')
  const state = detector.create()
  for (const event of silenceExample.benign()) detector.update(state, event)
  expect(detector.encode(state).length).toBeLessThan(400)
})
