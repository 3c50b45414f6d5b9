import { type OrderedLog, type OrderedLogOptions, OrderedLogSource } from '../ordered-log.ts'
import type { Source, SourceBatch, StartOptions } from '../source.ts'
import type { Journal } from './journal.ts'
import type { ReadLimits } from './reader.ts'

/** Topic name of the journal in positions, dead letters and metrics. */
export const JOURNAL_TOPIC = 'otlp_journal'

const DEFAULT_LIMITS: ReadLimits = { maxBytes: 4 * 2 ** 20, maxRecords: 1000 }

class JournalLog implements OrderedLog {
  readonly name = 'journal'
  readonly topic = JOURNAL_TOPIC
  private readonly journal: Journal
  private readonly limits: ReadLimits
  /** Where reading goes on, and what is done. */
  private next: number
  private done: number

  constructor(journal: Journal, limits: ReadLimits) {
    this.journal = journal
    this.limits = limits
    this.next = journal.committed
    this.done = this.next
  }

  async open(resume: StartOptions['resume']): Promise<void> {
    const place = (await resume?.(JOURNAL_TOPIC, this.journal.epoch, 0)) ?? this.journal.committed
    // Records before the oldest one were given up when they were no longer needed: no damage.
    this.next = Math.max(place, this.journal.oldest)
    this.done = this.next
  }

  async read(signal: AbortSignal): Promise<SourceBatch | null> {
    for (;;) {
      await this.journal.reached(this.next, signal)
      if (signal.aborted) return null
      const first = this.next
      const { records, next } = await this.journal.read(first, this.limits)
      this.next = next
      if (next > first) return { topic: JOURNAL_TOPIC, epoch: this.journal.epoch, partition: 0, first, last: next - 1, records }
    }
  }

  async commit(next: number): Promise<void> {
    // What is read again to rebuild state was committed before.
    if (next > this.journal.committed) await this.journal.commit(next)
    this.done = next
  }

  lag(): number {
    return this.journal.next - this.done
  }

  async close(): Promise<void> {}
}

/**
 * The consumer of a journal: topic `otlp_journal`, partition 0, the epoch of the journal. An idle journal's records are delivered as
 * they come, a backlog in batches up to the limits. The journal stays open when the source stops: close it last, after the receivers.
 */
export function journalSource(journal: Journal, options: OrderedLogOptions & { readonly limits?: ReadLimits } = {}): Source {
  return new OrderedLogSource(new JournalLog(journal, options.limits ?? DEFAULT_LIMITS), options)
}
