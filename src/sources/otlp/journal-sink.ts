import type { Journal } from '../journal/journal.ts'
import type { Sink } from './sink.ts'

/** Embedded mode: durable as the journal's fsync policy says. */
export function journalSink(journal: Journal): Sink {
  return {
    async accept(record) {
      await journal.append([record])
      return null
    },
  }
}
