import type { IncomingMessage } from 'node:http'
import { createGunzip, createInflate } from 'node:zlib'

export const contentEncodings = ['identity', 'gzip', 'deflate'] as const
export type ContentEncoding = (typeof contentEncodings)[number]

export interface Body {
  /** What is wrong with it, or null. */
  readonly fault: 'tooLarge' | 'damaged' | null
  readonly reason: string
  /** Decompressed, as far as it was read. */
  readonly bytes: Buffer
}

const INFLATE = { chunkSize: 64 * 1024 }

/**
 * Reads a request's body and decompresses it as it comes. Reading ends where more than `limit` bytes came in or out, so a
 * small body that swells to gigabytes costs no more than a large one; the rest is discarded. Rejects when the sender goes away.
 */
export function readBody(request: IncomingMessage, encoding: ContentEncoding, limit: number): Promise<Body> {
  const inflate = encoding === 'gzip' ? createGunzip(INFLATE) : encoding === 'deflate' ? createInflate(INFLATE) : null
  const output = inflate ?? request
  return new Promise<Body>((resolve, reject) => {
    const parts: Buffer[] = []
    let received = 0
    let size = 0
    const settle = (fault: Body['fault'], reason: string) => {
      request.off('data', onReceived)
      output.off('data', onOutput)
      if (inflate) {
        request.unpipe(inflate)
        inflate.destroy()
      }
      request.resume()
      resolve({ fault, reason, bytes: Buffer.concat(parts) })
    }
    const tooLarge = () => settle('tooLarge', `more than ${limit} bytes`)
    const onReceived = (chunk: Buffer) => {
      received += chunk.length
      if (received > limit) tooLarge()
    }
    const onOutput = (chunk: Buffer) => {
      size += chunk.length
      parts.push(chunk)
      if (size > limit) tooLarge()
    }
    request.on('error', reject)
    request.on('close', () => {
      if (!request.complete) reject(new Error('the sender went away'))
    })
    output.on('data', onOutput)
    output.on('end', () => settle(null, ''))
    if (!inflate) return
    inflate.on('error', (error) => settle('damaged', `the body is no whole ${encoding} stream (${error.message})`))
    request.on('data', onReceived)
    request.pipe(inflate)
  })
}
