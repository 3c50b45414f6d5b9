import { createHash } from 'node:crypto'
import type { Config } from '../config/schema.ts'
import { TidewatchError } from '../errors.ts'
import { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import type { SourceBatch, SourceRecord } from '../sources/source.ts'
import type { OutcomeBuilder } from './outcome.ts'

/** One stage over one partition of its log. What it says of a record is a pure function of the records before it. */
export interface Stage {
  /** Event time that it has come to, microseconds; null before anything told it. */
  readonly watermark: number | null
  /** Takes one record in and adds what it caused. True when nothing of the record could be used. */
  apply(batch: SourceBatch, record: SourceRecord, outcome: OutcomeBuilder): boolean
  /** All state as bytes; `restore` on a new stage goes on as if nothing had happened. */
  snapshot(): Uint8Array
  /** Throws TW_STATE_MISMATCH for the state of another stage, format or configuration. The stage is of no use then: make a new one. */
  restore(bytes: Uint8Array): void
}

/**
 * Names what of a configuration saved state depends on: under another seed or another length sketches cannot be compared, and under other
 * rules of identity principals have other names. The rest (budget, limits, windows) holds from the next record on and lets the state live.
 */
export function stateIdentity({ seed, identity, content }: Config): string {
  const { hash, key, attributes, credential, placeholders } = identity
  const parts = [seed, content.embeddingDimensions, hash, key ?? '', attributes, credential, placeholders]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
}

/** The parts of a state, under a name that says whose they are. */
export function sealState(name: string, parts: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter(4096).text(name)
  for (const part of parts) writer.block(part)
  return writer.finish()
}

/** Gives the parts of a state back, one after the other. Throws TW_STATE_MISMATCH for another name, or where a part cannot be read. */
export function openState(name: string, bytes: Uint8Array, parts: readonly ((bytes: Uint8Array) => void)[]): void {
  try {
    const reader = new ByteReader(bytes)
    if (reader.text() !== name) throw new TidewatchError('TW_STATE_MISMATCH', 'state of another configuration or stage')
    for (const take of parts) take(reader.block())
  } catch (error) {
    if (error instanceof TidewatchError) throw error
    throw new TidewatchError('TW_STATE_MISMATCH', (error as Error).message, { cause: error })
  }
}
