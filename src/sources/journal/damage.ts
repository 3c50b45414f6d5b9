/** What a journal lost, or may have lost. Each is reported once, when it is found. */
export interface JournalDamage {
  /**
   * `tail`: the end of the last segment was cut off at start. After a power failure these are requests that nobody got a success for.
   * `records`: records that were acknowledged cannot be read any more. `position`: the saved place is lost, reading begins at the oldest record.
   */
  readonly kind: 'tail' | 'records' | 'position'
  /** Bytes that were given up. */
  readonly bytes: number
  /** Lost records, counted by offsets; null where nobody can know. */
  readonly records: number | null
  readonly detail: string
}
