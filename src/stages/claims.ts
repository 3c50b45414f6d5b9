import type { RangeKey, TokenBase } from '../store/store.ts'

/**
 * A range that is frozen before its first row is written: whoever finishes it, after whatever crash, takes exactly these offsets and
 * makes its tokens from this salt and format, so that the store recognises what it already has.
 */
export type Claim = RangeKey & TokenBase

/**
 * Who may write which range. One claim a partition: the newest counts, and it is pending until the store's own record says that its
 * range is stored.
 *
 * Where several members can hold a partition, an implementation must also be a fence: once `latest` has resolved for a new owner, `claim`
 * of any earlier owner rejects, now and after whatever sleep.
 */
export interface Claims {
  /** The newest claim of a partition, null where there is none. */
  latest(topic: string, epoch: string, partition: number): Promise<Claim | null>
  /** Resolves once the claim is durable. Nothing of its range may be written before. */
  claim(claim: Claim): Promise<void>
}
