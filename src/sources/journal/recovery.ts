import { randomBytes } from 'node:crypto'
import { mkdir, open } from 'node:fs/promises'
import { TidewatchError } from '../../errors.ts'
import { SegmentCursor } from './cursor.ts'
import type { JournalDamage } from './damage.ts'
import { FRAME_HEADER_BYTES, FrameCodec, SEGMENT_HEADER_BYTES } from './frame.ts'
import { loadPosition, type Position } from './position.ts'
import { createSegment, listSegments, type Segment, segmentEpoch } from './segment.ts'

/** A journal as it stands on the disk, ready to be appended to. */
export interface Recovered {
  readonly epoch: string
  readonly committed: number
  /** Oldest first, at least one; the last is the one to append to. */
  readonly segments: Segment[]
  /** The offset of the next record. Where it is past what the last segment holds, a filler must be written up to it. */
  readonly next: number
  readonly damages: readonly JournalDamage[]
}

/**
 * Finds out what a journal's folder holds, and makes a new journal where it holds nothing. Only the last segment is read through;
 * the sealed ones are checked when they are delivered. Throws TW_JOURNAL_CORRUPT where two journals are mixed or none can be told.
 */
export async function recover(directory: string): Promise<Recovered> {
  await mkdir(directory, { recursive: true })
  const damages: JournalDamage[] = []
  const segments = await listSegments(directory)
  const saved = await loadPosition(directory)
  const position = saved === 'damaged' ? null : saved
  const epoch = await findEpoch(directory, segments, position)
  if (saved === 'damaged') damages.push({ kind: 'position', bytes: 0, records: null, detail: 'position.json cannot be read' })

  const committed = position?.next ?? segments[0]?.base ?? 0
  const last = segments.at(-1)
  if (!last) return { epoch, committed, segments: [await createSegment(directory, epoch, committed)], next: committed, damages }
  if (last.size < SEGMENT_HEADER_BYTES) {
    segments[segments.length - 1] = await createSegment(directory, epoch, last.base)
    return { epoch, committed, segments, next: Math.max(last.base, committed), damages }
  }
  const end = await cutTail(last, epoch)
  if (end.cut > 0) damages.push({ kind: 'tail', bytes: end.cut, records: null, detail: last.path })
  return { epoch, committed, segments, next: Math.max(end.next, committed), damages }
}

async function findEpoch(directory: string, segments: readonly Segment[], position: Position | null): Promise<string> {
  const epochs = new Set((await Promise.all(segments.map(segmentEpoch))).filter((epoch) => epoch !== null))
  if (position) epochs.add(position.epoch)
  if (epochs.size > 1) throw new TidewatchError('TW_JOURNAL_CORRUPT', `${directory} mixes files of several journals`)
  for (const epoch of epochs) return epoch
  if (segments.some((segment) => segment.size > SEGMENT_HEADER_BYTES)) {
    throw new TidewatchError('TW_JOURNAL_CORRUPT', `no header of a segment in ${directory} can be read; move the folder away to begin anew`)
  }
  return randomBytes(8).toString('hex')
}

/**
 * Cuts off what follows the last good frame. As nobody knows how many records stood there, and whether one of them was delivered,
 * `next` is past all that can have been: an offset never names two records.
 */
async function cutTail(segment: Segment, epoch: string): Promise<{ cut: number; next: number }> {
  const file = await open(segment.path, 'r+')
  try {
    const cursor = new SegmentCursor(file, new FrameCodec(epoch), segment.base)
    let next = segment.base
    for (let frame = await cursor.next(segment.size); frame; frame = await cursor.next(segment.size)) next = frame.offset + 1
    const cut = segment.size - cursor.position
    if (cut > 0) await file.truncate(cursor.position)
    await file.sync()
    segment.size = cursor.position
    segment.durable = { size: cursor.position, next }
    return { cut, next: next + Math.ceil(cut / FRAME_HEADER_BYTES) }
  } finally {
    await file.close()
  }
}
