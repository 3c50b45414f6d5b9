const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

export interface Line {
  /** Without the line's end. Of a line that is too long, only the beginning. */
  readonly value: Buffer
  /** Bytes of the whole line. */
  readonly size: number
}

/**
 * Cuts chunks into lines; empty ones are left out. A last line without an end counts, too, even where the chunks end with an error.
 * @param maxBytes a longer line is not kept in memory. @param keepBytes what is kept of it.
 */
export async function* splitLines(chunks: AsyncIterable<Buffer>, maxBytes: number, keepBytes: number): AsyncGenerator<Line[]> {
  let parts: Buffer[] = []
  let size = 0
  const add = (part: Buffer) => {
    const cut = size > maxBytes
    size += part.length
    if (!cut) parts.push(part)
    // A copy, so that the rest can be freed.
    if (!cut && size > maxBytes) parts = [Buffer.from(Buffer.concat(parts).subarray(0, keepBytes))]
  }
  const take = (): Line[] => {
    const whole = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    const value = size <= maxBytes && whole.at(-1) === CARRIAGE_RETURN ? whole.subarray(0, -1) : whole
    const line = { value, size: size <= maxBytes ? value.length : size }
    parts = []
    size = 0
    return line.size > 0 ? [line] : []
  }
  try {
    for await (const chunk of chunks) {
      const lines: Line[] = []
      let from = 0
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
        add(chunk.subarray(from, end))
        lines.push(...take())
        from = end + 1
      }
      if (from < chunk.length) add(chunk.subarray(from))
      if (lines.length > 0) yield lines
    }
  } catch (error) {
    yield take()
    throw error
  }
  yield take()
}
