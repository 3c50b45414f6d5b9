import type { ErrorCode } from '../errors.ts'

/** A record that was refused, whole or in part, with its reason and its (bounded) bytes. */
export interface DeadLetter {
  readonly topic: string
  readonly epoch: string
  readonly partition: number
  readonly offset: number
  readonly index: number
  /** Event or append time of the record, microseconds. */
  readonly time: number
  readonly code: ErrorCode
  readonly reason: string
  readonly signal: string
  /** At most `deadLetters.maxBytes` of the record's value; none of a record that was refused in part, unless content is kept. */
  readonly bytes: Uint8Array
  /** Size of the whole value. */
  readonly size: number
}
