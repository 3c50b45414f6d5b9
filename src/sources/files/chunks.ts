import { createReadStream } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createGunzip, type Gunzip } from 'node:zlib'
import { TidewatchError } from '../../errors.ts'

/** Small enough that even the worst gzip file (1 : 1032) makes no more than some 66 MB of one chunk. */
const CHUNK_BYTES = 64 * 1024

/**
 * The bytes of a file, decompressed. Throws TW_SOURCE_UNREADABLE after everything that could be read was given.
 * @param onBytes told of the bytes taken from the disk.
 */
export async function* fileChunks(path: string, gzip: boolean, onBytes: (count: number) => void): AsyncGenerator<Buffer> {
  const raw = rawChunks(path, onBytes)
  try {
    yield* gzip ? gunzipped(raw) : raw
  } catch (error) {
    throw new TidewatchError('TW_SOURCE_UNREADABLE', `${path}: ${(error as Error).message}`, { cause: error })
  }
}

async function* rawChunks(path: string, onBytes: (count: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    onBytes(chunk.length)
    yield chunk
  }
}

/** By hand, because a pipe throws away what was decompressed before the place where a file is cut off. */
async function* gunzipped(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: 4 * CHUNK_BYTES })
  const ready: Buffer[] = []
  let failure: Error | null = null
  gunzip.on('data', (chunk: Buffer) => ready.push(chunk))
  gunzip.on('error', (error) => {
    failure = error
  })
  try {
    for await (const chunk of chunks) {
      await feed(gunzip, chunk)
      yield* ready.splice(0)
      if (failure) throw failure
    }
    await new Promise<void>((resolve) => gunzip.once('close', resolve).end())
    yield* ready.splice(0)
    if (failure) throw new Error(`the gzip stream is cut off (${(failure as Error).message})`)
  } finally {
    gunzip.destroy()
  }
}

async function feed(gunzip: Gunzip, chunk: Buffer): Promise<void> {
  await new Promise<void>((resolve) => {
    // A chunk that is no gzip never calls back.
    gunzip.once('close', resolve)
    gunzip.write(chunk, () => {
      gunzip.off('close', resolve)
      resolve()
    })
  })
  // What was made of the chunk may be handed out in the next turn only.
  await nextTurn()
}
