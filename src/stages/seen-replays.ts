import { ByteReader, ByteWriter } from '../sketches/bytes.ts'

/** Replays that are remembered; beyond them the oldest make room. */
const MOST = 10_000

/**
 * Which dead letters came again. A replay that was repeated (the process died between writing the record and marking the letter) stands in the
 * log twice and counts once. Part of the ingest stage's state, so a function of the log.
 */
export class SeenReplays {
  private readonly letters = new Set<string>()

  /** True when the letter was not seen before. */
  note(letter: string): boolean {
    if (this.letters.has(letter)) return false
    this.letters.add(letter)
    if (this.letters.size > MOST) for (const oldest of this.letters) return this.letters.delete(oldest)
    return true
  }

  encode(): Uint8Array {
    const writer = new ByteWriter().u32(this.letters.size)
    for (const letter of this.letters) writer.text(letter)
    return writer.finish()
  }

  decode(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes)
    this.letters.clear()
    for (let left = reader.u32(); left > 0; left--) this.letters.add(reader.text())
  }
}
