import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { TidewatchError } from '../errors.ts'
import { syncDirectory } from '../sources/journal/segment.ts'
import type { Claim, Claims } from './claims.ts'

/**
 * Claims as files in a folder that one process owns: `claim-TOPIC-PARTITION.json`, replaced in one step, on the disk when `claim`
 * resolves. A claim of another epoch is of a log that is gone, and does not count. Throws TW_JOURNAL_CORRUPT where a file cannot be believed: going on without it
 * could store rows twice.
 */
export function fileClaims(directory: string): Claims {
  const pathOf = (topic: string, partition: number) => join(directory, `claim-${encodeURIComponent(topic)}-${partition}.json`)
  return {
    async latest(topic, epoch, partition) {
      const path = pathOf(topic, partition)
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null
        throw error
      })
      if (text === null) return null
      const claim = parse(text)
      if (claim === null) throw new TidewatchError('TW_JOURNAL_CORRUPT', `${path} cannot be read`)
      return claim.epoch === epoch ? claim : null
    },

    async claim(claim) {
      const path = pathOf(claim.topic, claim.partition)
      const body = JSON.stringify(claim)
      const file = await open(`${path}.new`, 'w')
      try {
        await file.writeFile(`${crc32(body)} ${body}\n`)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(`${path}.new`, path)
      await syncDirectory(directory)
    },
  }
}

function parse(text: string): Claim | null {
  const [, checksum, body] = /^(\d+) (.*)\n$/.exec(text) ?? []
  return body !== undefined && crc32(body) === Number(checksum) ? (JSON.parse(body) as Claim) : null
}
