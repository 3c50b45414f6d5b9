import type { SourceRecord } from '../sources/source.ts'
import { type ActionKey, fits, sign } from './action-record.ts'

/** Header that names the dead letter whose bytes a record holds again, and the one that proves who wrote it. */
const replayHeader = 'tidewatch-replay'
const signatureHeader = 'tidewatch-replay-signature'

/** Headers of the record that holds a dead letter's bytes again. */
export function replayHeaders(letter: string, key: ActionKey): Record<string, string> {
  return { [replayHeader]: letter, [signatureHeader]: sign(key, `replay ${letter}`).toString('hex') }
}

/**
 * The dead letter that a record repeats, null for ordinary records. Throws TW_ACTION_REFUSED where the signature does not fit: whoever may write
 * telemetry must not be able to use up the replay of a letter.
 */
export function replayedLetter({ headers }: Pick<SourceRecord, 'headers'>, key: ActionKey | null): string | null {
  const letter = headers[replayHeader]
  if (letter === undefined) return null
  fits(key, `replay ${letter}`, headers[signatureHeader])
  return letter
}
