import type { FileHandle } from 'node:fs/promises'
import { FRAME_HEADER_BYTES, type Frame, type FrameCodec, SEGMENT_HEADER_BYTES } from './frame.ts'

const CHUNK_BYTES = 2 ** 20

/** Reads the frames of one segment in order. Damaged bytes are skipped up to the next good frame. */
export class SegmentCursor {
  /** File position behind the last good frame. */
  position = SEGMENT_HEADER_BYTES
  /** Bytes that were skipped between good frames. */
  skipped = 0
  private readonly file: FileHandle
  private readonly codec: FrameCodec
  private expected: number
  private chunk: Buffer = Buffer.alloc(0)
  private chunkAt = 0

  /** @param expected offsets before this one are not believed. */
  constructor(file: FileHandle, codec: FrameCodec, expected: number) {
    this.file = file
    this.codec = codec
    this.expected = expected
  }

  /** The next good frame that ends at or before the file position `end`, or null when there is none. */
  async next(end: number): Promise<Frame | null> {
    let at = this.position
    let frame = await this.frameAt(at, end)
    while (!frame) {
      at = await this.findMark(at + 1, end)
      if (at < 0) return null
      frame = await this.frameAt(at, end)
    }
    this.skipped += at - this.position
    this.position = at + frame.size
    this.expected = frame.offset + 1
    return frame
  }

  private async frameAt(at: number, end: number): Promise<Frame | null> {
    if (end - at < FRAME_HEADER_BYTES) return null
    if (!this.holds(at, FRAME_HEADER_BYTES)) await this.load(at, FRAME_HEADER_BYTES, end)
    if (!this.holds(at, FRAME_HEADER_BYTES)) return null
    const size = this.codec.sizeAt(this.chunk, at - this.chunkAt)
    if (size === null || size > end - at) return null
    if (!this.holds(at, size)) await this.load(at, size, end)
    if (!this.holds(at, size)) return null
    const frame = this.codec.decode(this.chunk, at - this.chunkAt, size)
    return frame && frame.offset >= this.expected ? frame : null
  }

  private async findMark(from: number, end: number): Promise<number> {
    const { mark } = this.codec
    for (let at = from; end - at >= FRAME_HEADER_BYTES; ) {
      if (!this.holds(at, mark.length)) await this.load(at, mark.length, end)
      if (!this.holds(at, mark.length)) return -1
      const found = this.chunk.indexOf(mark, at - this.chunkAt)
      if (found >= 0) return this.chunkAt + found
      at = this.chunkAt + this.chunk.length - mark.length + 1
    }
    return -1
  }

  private holds(at: number, size: number): boolean {
    return at >= this.chunkAt && at + size <= this.chunkAt + this.chunk.length
  }

  /** Every chunk is a buffer of its own, because the records handed out are views of it. */
  private async load(at: number, least: number, end: number): Promise<void> {
    const chunk = Buffer.allocUnsafeSlow(Math.min(Math.max(least, CHUNK_BYTES), end - at))
    let filled = 0
    while (filled < chunk.length) {
      const { bytesRead } = await this.file.read(chunk, filled, chunk.length - filled, at + filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    this.chunk = chunk.subarray(0, filled)
    this.chunkAt = at
  }
}
