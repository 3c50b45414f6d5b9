import type { Source } from './source.ts'

/** A source that has an end: files, a range of a topic, what a journal holds. `ended` resolves when all of it is through. */
export interface RecordedLog extends Source {
  /** Share that was read, 0..1. */
  progress(): number
}
