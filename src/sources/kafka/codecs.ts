import { createRequire } from 'node:module'
import kafkajs from 'kafkajs'

interface Codec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>
  decompress(buffer: Buffer): Promise<Buffer>
}

const require = createRequire(import.meta.url)

/** The codec is loaded when its first batch is read or written, once. */
function lazily(load: () => Promise<Codec>): () => Codec {
  let loading: Promise<Codec> | null = null
  const codec = () => {
    loading ??= load()
    return loading
  }
  return () => ({
    compress: async (encoder) => (await codec()).compress(encoder),
    decompress: async (buffer) => (await codec()).decompress(buffer),
  })
}

async function snappy(): Promise<Codec> {
  return require('kafkajs-snappy')()
}

/** Frame header: magic number, version 1 with independent blocks of at most 4 MiB, checksum of these two bytes. */
const LZ4_HEADER = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73])
const LZ4_END = Buffer.alloc(4)
const LZ4_BLOCK = 4 * 2 ** 20

/**
 * lz4js writes frames whose blocks may depend on each other, which Kafka's brokers refuse. So every block is compressed as a
 * frame of its own and put under a header that says that they are independent.
 */
async function lz4(): Promise<Codec> {
  const { compress, decompress } = require('lz4js') as Record<'compress' | 'decompress', (bytes: Uint8Array) => Uint8Array>
  return {
    compress: async ({ buffer }) => {
      const blocks: Uint8Array[] = []
      for (let at = 0; at < buffer.length; at += LZ4_BLOCK) {
        blocks.push(compress!(buffer.subarray(at, at + LZ4_BLOCK)).subarray(LZ4_HEADER.length, -LZ4_END.length))
      }
      return Buffer.concat([LZ4_HEADER, ...blocks, LZ4_END])
    },
    decompress: async (buffer) => Buffer.from(decompress!(buffer)),
  }
}

/** Two libraries: fzstd only reads; the other one reads only frames that state their size, which Java's and Go's writers leave out. */
async function zstd(): Promise<Codec> {
  const [{ decompress }, { init, compress }] = await Promise.all([import('fzstd'), import('@bokuweb/zstd-wasm')])
  await init()
  return {
    compress: async ({ buffer }) => Buffer.from(compress(buffer, 3)),
    decompress: async (buffer) => Buffer.from(decompress(buffer)),
  }
}

/** Teaches kafkajs, which has only gzip, the other codecs of Kafka. It keeps codecs in one table of the process; calling again changes nothing. */
export function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs
  CompressionCodecs[CompressionTypes.Snappy] = snappyCodec
  CompressionCodecs[CompressionTypes.LZ4] = lz4Codec
  CompressionCodecs[CompressionTypes.ZSTD] = zstdCodec
}

const snappyCodec = lazily(snappy)
const lz4Codec = lazily(lz4)
const zstdCodec = lazily(zstd)
