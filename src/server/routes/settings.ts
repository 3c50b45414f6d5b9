import { z } from 'zod'
import type { ServerDeps } from '../deps.ts'
import type { Route } from '../route.ts'

export function settingsRoutes({ version, settings }: Pick<ServerDeps, 'version' | 'settings'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/settings',
      id: 'getSettings',
      summary: 'The configuration as it runs, defaults filled in, secrets hidden.',
      role: 'viewer',
      answer: { type: 'application/json', schema: z.object({ version: z.string(), yaml: z.string() }) },
      handle: () => ({ version, yaml: settings() }),
    },
  ]
}
