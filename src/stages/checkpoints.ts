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
/** An insert becomes one text in memory, which must stay far from the longest there can be. */
const PARTS_AN_INSERT = 16

/** Name of a partition's state. `group` keeps deployments apart that share a store. */
export function checkpointScope(group: string, topic: string, epoch: string, partition: number): string {
  return `${[group, topic, epoch, partition].map((part) => encodeURIComponent(part)).join('/')}/`
}

/** Rows of a checkpoint that is to be stored. */
export interface CheckpointRows {
  readonly checkpoint: Checkpoint
  readonly parts: readonly Row[]
  readonly manifest: Row
}

/** Each row replaces that of the checkpoint before the last one. The manifest must be stored last: without it the parts count for nothing. */
export function checkpointRows(
  scope: string,
  { offset, sequence }: Pick<Checkpoint, 'offset' | 'sequence'>,
  state: Uint8Array,
): CheckpointRows {
  const parts: Row[] = []
  const place = `${scope}${sequence % 2}/`
  const version = offset + 1
  for (let at = 0; at < state.length; at += PART_BYTES) {
    const part = state.subarray(at, at + PART_BYTES)
    parts.push({ key: `${place}${partName(parts.length)}`, version, checksum: '', blob_base64: base64(part) })
  }
  const checksum = createHash('sha256').update(state).digest('hex')
  const manifest: Manifest = { format: FORMAT, offset, sequence, parts: parts.length, size: state.length, checksum }
  const blob = base64(Buffer.from(JSON.stringify(manifest)))
  return { checkpoint: manifest, parts, manifest: { key: `${place}manifest`, version, checksum, blob_base64: blob } }
}

/** Stores the parts. One attempt: throws what the store throws; a repeat stores what is missing. */
export async function storeParts(store: Pick<Store, 'insert'>, scope: string, { parts, manifest }: CheckpointRows): Promise<void> {
  for (let at = 0; at < parts.length; at += PARTS_AN_INSERT) {
    await store.insert('checkpoints', parts.slice(at, at + PARTS_AN_INSERT), `${scope}${manifest.version}/${manifest.checksum}/${at}`)
  }
  reach('checkpoint')
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
  if (manifest === null || manifest.parts !== rows.length - 1 || createHash('sha256').update(state).digest('hex') !== manifest.checksum) {
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
