import { describe, expect, it } from 'vitest'
import { TidewatchError } from '../../../src/errors.ts'
import { journalSink } from '../../../src/sources/otlp/journal-sink.ts'
import { kafkaSink } from '../../../src/sources/otlp/kafka-sink.ts'
import { journalScratch } from '../journal/scratch.ts'

const scratch = journalScratch()
const record = { signal: 'logs' as const, value: Buffer.from('v'), headers: { 'tidewatch-key-id': 'k' }, receivedAt: 5 }

describe('the journal as sink', () => {
  it('has the record on disk when it accepts it', async () => {
    const directory = await scratch.directory()
    expect(await journalSink(await scratch.open(directory)).accept(record)).toBeNull()
    const { records } = await (await scratch.open(directory)).read(0, { maxBytes: 100, maxRecords: 10 })
    expect(records).toMatchObject([{ signal: 'logs', timestamp: 5, headers: record.headers }])
    expect(Buffer.from(records[0]!.value).toString()).toBe('v')
  })
})

describe('Kafka as sink', () => {
  it('publishes to the topic of the signal, with headers and the key that it was given, and passes its refusals on', async () => {
    const published: unknown[] = []
    let failure: Error | null = null
    const publisher = {
      async publish(topic: string, records: unknown) {
        if (failure) throw failure
        published.push([topic, records])
      },
      close: async () => {},
    }
    const sink = kafkaSink(publisher, { traces: 't', metrics: 'm', logs: 'l' })
    for (const signal of ['traces', 'metrics', 'logs'] as const) await sink.accept({ ...record, signal })
    expect(published).toEqual(['t', 'm', 'l'].map((topic) => [topic, [{ value: record.value, headers: record.headers, key: null }]]))
    await sink.accept({ ...record, key: 'letter-1' })
    expect(published.at(-1)).toMatchObject(['l', [{ key: 'letter-1' }]])
    failure = new TidewatchError('TW_SOURCE_UNAVAILABLE', 'away')
    await expect(sink.accept(record)).rejects.toBe(failure)
  })
})
