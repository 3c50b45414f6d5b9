import fc from 'fast-check'
import { expect, it } from 'vitest'
import { EventTimeOrder } from '../../src/routing/event-time-order.ts'
import { makeObservation } from '../support/observations.ts'

const said = (time: number, ref = '') => makeObservation(time, { ref })

it('gives out in the order of event time what all logs have come to', () => {
  const order = new EventTimeOrder()
  for (const time of [30, 10, 20, 40]) order.take(said(time), 1000)
  expect(order.due(null, 1000)).toEqual([])
  expect(order.due(25, 1000).map(({ time }) => time)).toEqual([10, 20])
  order.take(said(5, 'late'), 1000)
  expect(order.due(25, 1000).map(({ ref }) => ref)).toEqual(['late'])
  expect(order.due(40, 1000).map(({ time }) => time)).toEqual([30, 40])
})

it('keeps nobody waiting for longer than half a minute of append time', () => {
  const order = new EventTimeOrder()
  order.take(said(50, 'long ago'), 1000)
  order.take(said(40, 'before it'), 20_000)
  order.take(said(60, 'after it'), 20_000)
  expect(order.due(10, 31_000).map(({ ref }) => ref)).toEqual(['before it', 'long ago'])
})

it('gives the same order however records of several logs mix, and wherever it is saved', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2), fc.nat(1000)), { maxLength: 60 }), fc.nat(60), (records, savedAt) => {
      let order = new EventTimeOrder()
      for (const [index, [log, time]] of records.entries()) {
        order.take(said(time, `${log}`), 0)
        if (index !== savedAt) continue
        const restored = new EventTimeOrder()
        restored.decode(order.encode())
        order = restored
      }
      const times = order.due(1000, 0).map(({ time }) => time)
      expect(times).toEqual(records.map(([, time]) => time).sort((a, b) => a - b))
    }),
  )
})
