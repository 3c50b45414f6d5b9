import { isAbsolute } from 'node:path'
import { z } from 'zod'
import type { ServerDeps } from '../deps.ts'
import { parseRequest, type Route } from '../route.ts'

const body = z.strictObject({
  directory: z
    .string()
    .refine(isAbsolute, { error: 'expected an absolute path' })
    .describe('Folder on the machine of the instance, empty or absent.'),
})

/** A copy of everything that the instance keeps on its own disk. */
export function backupRoutes({ backup }: Pick<ServerDeps, 'backup'>): Route[] {
  return [
    {
      method: 'POST',
      path: '/api/v1/backup',
      id: 'backUp',
      summary: 'Writes store, journal, claims and identity key into a folder, as they are at one point between two ranges.',
      role: 'operator',
      body,
      answer: {
        type: 'application/json',
        schema: z.object({ directory: z.string(), time: z.string(), files: z.number(), version: z.string() }),
      },
      async handle(request) {
        const { directory } = parseRequest(body, request.body)
        const { time, files, version } = await backup(directory)
        return { directory, time, files: Object.keys(files).length, version }
      },
    },
  ]
}
