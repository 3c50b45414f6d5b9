import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeSegmentHeader, encodeSegmentHeader, SEGMENT_HEADER_BYTES } from './frame.ts'

/** One file of the journal. All but the last one are sealed: whole and on the disk. */
export interface Segment {
  readonly base: number
  readonly path: string
  /** Bytes of good frames and header. */
  size: number
  /** Bytes that are known to be on the disk, and the offset that follows them; both move together. */
  durable: { readonly size: number; readonly next: number }
}

const NAME = /^(\d{16})\.twj$/

function segmentPath(directory: string, base: number): string {
  return join(directory, `${String(base).padStart(16, '0')}.twj`)
}

/** The segments of a folder, oldest first, as their names and sizes tell. A sealed one ends where the next begins. */
export async function listSegments(directory: string): Promise<Segment[]> {
  const bases = (await readdir(directory)).flatMap((name) => NAME.exec(name)?.slice(1, 2) ?? []).map(Number)
  bases.sort((a, b) => a - b)
  return Promise.all(
    bases.map(async (base, i) => {
      const path = segmentPath(directory, base)
      const { size } = await stat(path)
      return { base, path, size, durable: { size, next: bases[i + 1] ?? base } }
    }),
  )
}

/** The epoch in the segment's header, or null where the header is damaged. */
export async function segmentEpoch(segment: Segment): Promise<string | null> {
  const file = await open(segment.path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SEGMENT_HEADER_BYTES), 0, SEGMENT_HEADER_BYTES, 0)
    return decodeSegmentHeader(buffer.subarray(0, bytesRead))?.epoch ?? null
  } finally {
    await file.close()
  }
}

/** Makes an empty segment that a crash cannot take away: the file and its name are on the disk when this resolves. */
export async function createSegment(directory: string, epoch: string, base: number): Promise<Segment> {
  const path = segmentPath(directory, base)
  const file = await open(path, 'w')
  try {
    await file.write(encodeSegmentHeader(epoch, base), 0, SEGMENT_HEADER_BYTES, 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await syncDirectory(directory)
  return { base, path, size: SEGMENT_HEADER_BYTES, durable: { size: SEGMENT_HEADER_BYTES, next: base } }
}

/** Makes the names in a folder durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const folder = await open(directory, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
