import { createHash } from 'node:crypto'
import { reach } from '../crash-point.ts'
import { TidewatchError } from '../errors.ts'
import type { Row, Store } from '../store/store.ts'

/** State of the stages after the record at `offset`, as the store's `checkpoints` table holds it. */
export interface Checkpoint {
  readonly offset: number
  /** Counts the checkpoints of a partition. Even ones stand in one place, odd ones in another, so that the last two are there. */
  readonly sequence: number
  /** Bytes of the state. */
  readonly size: number
}

interface Manifest extends Checkpoint {
  readonly format: number
  readonly parts: number
  /** SHA-256 of the state, hex. */
  readonly checksum: string
}

/** Grows when rows or manifest change. */
const FORMAT = 1
/** Bytes of state in one row. */
const PART_BYTES = 2 ** 20

/** Name of a partition's state. `group` keeps deployments apart that share a store. */
export function checkpointScope(group: string, topic: string, epoch: string, partition: number): string {
  return `${[group, topic, epoch, partition].map((part) => encodeURIComponent(part)).join('/')}/`
}

/**
 * The rows of a checkpoint: the state in parts, the manifest last. They go into the store in one insert, inside of the range that they follow, so
 * none is seen without the others; each replaces the row of the checkpoint before the last one.
 */
export function checkpointRows(scope: string, { offset, sequence }: Pick<Checkpoint, 'offset' | 'sequence'>, state: Uint8Array): Row[] {
  const rows: Row[] = []
  const place = `${scope}${sequence % 2}/`
  const version = offset + 1
  for (let at = 0; at < state.length; at += PART_BYTES) {
    const part = state.subarray(at, at + PART_BYTES)
    rows.push({ key: `${place}${partName(rows.length)}`, version, checksum: '', blob_base64: base64(part) })
  }
  const checksum = createHash('sha256').update(state).digest('hex')
  const manifest: Manifest = { format: FORMAT, offset, sequence, parts: rows.length, size: state.length, checksum }
  rows.push({ key: `${place}manifest`, version, checksum, blob_base64: base64(Buffer.from(JSON.stringify(manifest))) })
  reach('checkpoint')
  return rows
}

/** The checkpoints of a partition that the store holds, newest first. Manifests that cannot be read are left out. */
export async function listCheckpoints(store: Pick<Store, 'query'>, scope: string): Promise<Checkpoint[]> {
  const rows = await store.query<{ blob_base64: string }>(
    'SELECT blob_base64 FROM checkpoints FINAL WHERE startsWith(key, {scope:String}) AND endsWith(key, {name:String})',
    { scope, name: '/manifest' },
  )
  return rows
    .map(({ blob_base64 }) => readManifest(blob_base64))
    .filter((manifest) => manifest !== null)
    .sort((a, b) => b.offset - a.offset)
}

/** The state of a listed checkpoint. Throws TW_STATE_MISMATCH where parts are missing or the checksum does not hold. */
export async function loadCheckpoint(store: Pick<Store, 'query'>, scope: string, { sequence, offset }: Checkpoint): Promise<Uint8Array> {
  const rows = await store.query<{ key: string; blob_base64: string }>(
    'SELECT key, blob_base64 FROM checkpoints FINAL WHERE startsWith(key, {place:String}) AND version = {version:UInt64} ORDER BY key',
    { place: `${scope}${sequence % 2}/`, version: offset + 1 },
  )
  const last = rows.at(-1)
  const manifest = last?.key.endsWith('/manifest') ? readManifest(last.blob_base64) : null
  const state = Buffer.concat(rows.slice(0, -1).map(({ blob_base64 }) => Buffer.from(blob_base64, 'base64')))
  if (manifest === null || createHash('sha256').update(state).digest('hex') !== manifest.checksum) {
    throw new TidewatchError('TW_STATE_MISMATCH', `the checkpoint at offset ${offset} is damaged`)
  }
  return state
}

function readManifest(blob: string): Manifest | null {
  try {
    const manifest = JSON.parse(Buffer.from(blob, 'base64').toString()) as Manifest
    return manifest.format === FORMAT ? manifest : null
  } catch {
    return null
  }
}

/** Names that sort before `manifest`, in the order of the parts. */
function partName(index: number): string {
  return String(index).padStart(6, '0')
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
