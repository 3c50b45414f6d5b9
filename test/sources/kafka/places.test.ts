import { describe, expect, it } from 'vitest'
import { commitMetadata, committedPlace, placeOf, toldPlace } from '../../../src/sources/kafka/places.ts'

const defaults = { startFrom: 'earliest', onOffsetOutOfRange: 'earliest', onTopicRecreated: 'earliest' } as const
const log = { start: 100, end: 200, topicId: 'A' }
const at = (known: Parameters<typeof placeOf>[2], bounds = log, policy: Parameters<typeof placeOf>[4] = defaults) =>
  placeOf('t', 0, known, bounds, policy)

describe('where a partition is read from', () => {
  it('goes on where the group was', () => {
    expect(at({ offset: 150, epoch: 'A' })).toEqual({ offset: 150, epoch: 'A', firstRun: false, gap: null, stop: null })
    expect(at({ offset: 100, epoch: 'A' })).toMatchObject({ offset: 100, gap: null })
    expect(at({ offset: 200, epoch: 'A' })).toMatchObject({ offset: 200, gap: null })
  })

  it('takes over the offset of a group that another program committed for', () => {
    expect(at({ offset: 150, epoch: null })).toMatchObject({ offset: 150, epoch: 'A', gap: null, firstRun: false })
  })

  it('starts where startFrom says when nobody committed', () => {
    expect(at({ offset: 'none', epoch: null })).toMatchObject({ offset: 100, epoch: 'A', firstRun: true })
    expect(at({ offset: 'none', epoch: null }, log, { ...defaults, startFrom: 'latest' })).toMatchObject({ offset: 200, firstRun: true })
  })

  it('counts what retention took before it was read', () => {
    const gap = { topic: 't', partition: 0, reason: 'retention', from: 40, to: 100, records: 60 }
    expect(at({ offset: 40, epoch: 'A' })).toMatchObject({ offset: 100, epoch: 'A', gap, stop: null })
    const latest = at({ offset: 40, epoch: 'A' }, log, { ...defaults, onOffsetOutOfRange: 'latest' })
    expect(latest).toMatchObject({ offset: 200, gap: { ...gap, to: 200, records: 160 } })
  })

  it('stops with the offsets in the message where the configuration wants that', () => {
    const place = at({ offset: 40, epoch: 'A' }, log, { ...defaults, onOffsetOutOfRange: 'stop' })
    expect(place.stop?.code).toBe('TW_SOURCE_OFFSET_OUT_OF_RANGE')
    expect(place.stop?.message).toContain('offset 40 is gone, the log holds 100 to 200')
    expect(place.offset).toBe(40)
  })

  it('says that it does not know the size of a gap whose begin kafkajs has overwritten', () => {
    expect(at({ offset: 'lost', epoch: null })).toMatchObject({ offset: 100, gap: { reason: 'retention', from: null, records: null } })
    expect(at({ offset: 'lost', epoch: null }, log, { ...defaults, onOffsetOutOfRange: 'stop' }).stop).not.toBeNull()
  })

  it('begins anew, under another epoch, when the topic has another id, even where the offset exists', () => {
    const place = at({ offset: 150, epoch: 'B' })
    expect(place).toMatchObject({ offset: 100, epoch: 'A', gap: { reason: 'recreated', from: 150, records: null }, stop: null })
    expect(at({ offset: 150, epoch: 'B' }, log, { ...defaults, onTopicRecreated: 'stop' }).stop?.code).toBe('TW_SOURCE_TOPIC_RECREATED')
    expect(at({ offset: 'none', epoch: 'B' }, log, { ...defaults, startFrom: 'latest' })).toMatchObject({
      offset: 100,
      epoch: 'A',
      firstRun: false,
    })
  })

  it('takes a log that ends before the place for a new one, and never reuses the epoch', () => {
    expect(at({ offset: 201, epoch: 'A' })).toMatchObject({ offset: 100, epoch: 'A~1', gap: { reason: 'recreated' } })
    expect(at({ offset: 201, epoch: 'A~1' })).toMatchObject({ epoch: 'A~2' })
    expect(at({ offset: 150, epoch: 'A~1' })).toMatchObject({ offset: 150, epoch: 'A~1', gap: null })
  })

  it('counts epochs where the brokers know no topic ids', () => {
    const old = { ...log, topicId: null }
    expect(at({ offset: 'none', epoch: null }, old as never)).toMatchObject({ epoch: 'r0' })
    expect(at({ offset: 150, epoch: 'r0' }, old as never)).toMatchObject({ offset: 150, epoch: 'r0', gap: null })
    expect(at({ offset: 300, epoch: 'r0' }, old as never)).toMatchObject({ offset: 100, epoch: 'r1' })
    // After an upgrade of the brokers the counted epoch stays, so that what is stored under it is still recognised.
    expect(at({ offset: 150, epoch: 'r1' })).toMatchObject({ offset: 150, epoch: 'r1', gap: null })
  })
})

describe('a place that the store tells', () => {
  const told = (offset: number, known: Parameters<typeof placeOf>[2], policy: Parameters<typeof placeOf>[4] = defaults) =>
    toldPlace(offset, 't', 0, known, log, policy)

  it('counts before the commit, backwards and forwards', () => {
    expect(told(120, { offset: 150, epoch: 'A' })).toEqual({ offset: 120, epoch: 'A', firstRun: false, gap: null, stop: null })
    expect(told(180, { offset: 150, epoch: 'A' })).toMatchObject({ offset: 180, gap: null })
    expect(told(180, { offset: 'none', epoch: null })).toMatchObject({ offset: 180, epoch: 'A', firstRun: false, gap: null })
  })

  it('is no gap where the missing records had been read', () => {
    // To be read again, as far as they are there.
    expect(told(40, { offset: 150, epoch: 'A' })).toMatchObject({ offset: 100, gap: null })
    // The commit lagged behind the store.
    expect(told(150, { offset: 40, epoch: 'A' }, { ...defaults, onOffsetOutOfRange: 'stop' })).toMatchObject({
      offset: 150,
      gap: null,
      stop: null,
    })
    expect(told(150, { offset: 'lost', epoch: null })).toMatchObject({ offset: 150, gap: null })
  })

  it('is one where nobody had', () => {
    expect(told(60, { offset: 40, epoch: 'A' })).toMatchObject({ offset: 100, gap: { reason: 'retention', from: 60, records: 40 } })
  })

  it('does not hide that the topic is another one', () => {
    expect(told(110, { offset: 150, epoch: 'B' })).toMatchObject({ offset: 110, epoch: 'A', gap: { reason: 'recreated' } })
    expect(told(110, { offset: 150, epoch: 'B' }, { ...defaults, onTopicRecreated: 'stop' }).stop).not.toBeNull()
    expect(told(500, { offset: 150, epoch: 'A' })).toMatchObject({ offset: 100, epoch: 'A~1', gap: { reason: 'recreated' } })
  })
})

describe('the text of a commit', () => {
  it('comes back as it was written', () => {
    expect(committedPlace('12', commitMetadata('A~1'))).toEqual({ offset: 12, epoch: 'A~1' })
  })

  it('may be anything that somebody else wrote', () => {
    for (const text of [null, '', 'x', '{"v":2,"epoch":"A"}', '{"v":1,"epoch":7}', '[]', 'null']) {
      expect(committedPlace('12', text)).toEqual({ offset: 12, epoch: null })
    }
    expect(committedPlace('-1', null).offset).toBe('none')
    expect(committedPlace('-2', null).offset).toBe('lost')
  })
})
