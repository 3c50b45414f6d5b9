import { TidewatchError } from '../errors.ts'

/** A place in a list that is ordered by time and a key, both falling. Time in microseconds. */
export interface Cursor {
  readonly time: number
  readonly key: string
}

export function encodeCursor(cursor: Cursor): string {
  return Buffer.from(`${cursor.time}:${cursor.key}`).toString('base64url')
}

/** Throws TW_REQUEST_INVALID for text that is no cursor. No text is the place before everything. */
export function decodeCursor(text: string | undefined): Cursor {
  if (text === undefined) return { time: Number.MAX_SAFE_INTEGER, key: '' }
  const [, time, key] = /^(\d{1,16}):(.*)$/s.exec(Buffer.from(text, 'base64url').toString('utf8')) ?? []
  if (time === undefined) throw new TidewatchError('TW_REQUEST_INVALID', 'before: not a place of this list')
  return { time: Number(time), key: key! }
}
