import type { Target } from './deployment.ts'
import { type Ground, journalPoints } from './schedule.ts'

const grounds: Readonly<Record<Target, Ground>> = {
  chdb: { members: 1, server: false, brokers: 0, points: journalPoints },
  server: { members: 1, server: true, brokers: 0, points: journalPoints },
}

/** What a target stands on. */
export function groundOf(target: Target): Ground {
  return grounds[target]
}
