import type { Deployment, Target } from './deployment.ts'
import { journalDeployment } from './journal-deployment.ts'
import { kafkaDeployment } from './kafka-deployment.ts'
import { type Ground, journalPoints } from './schedule.ts'

/** And between what goes to the stage behind and what is stored. */
const kafkaPoints = [...journalPoints, 'forwarded']
const single = [200, 1500]
/** The longer ones outlast a session: another member takes over before the sleeper wakes up. */
const grouped = [200, 1500, 5000]

const grounds: Readonly<Record<Target, Ground>> = {
  chdb: { members: 1, server: false, brokers: 0, points: journalPoints, freezes: single },
  server: { members: 1, server: true, brokers: 0, points: journalPoints, freezes: single },
  kafka: { members: 2, server: true, brokers: 1, points: kafkaPoints, freezes: grouped },
  kafka3: { members: 2, server: true, brokers: 3, points: kafkaPoints, freezes: grouped },
}

/** What a target stands on. */
export function groundOf(target: Target): Ground {
  return grounds[target]
}

/** Starts what a target stands on, all of it empty. `seed` chooses what of its configuration is varied. */
export function deploy(target: Target, webhookUrl: string, seed: number): Promise<Deployment> {
  if (target === 'chdb' || target === 'server') return journalDeployment(target, webhookUrl, seed)
  return kafkaDeployment(target === 'kafka3' ? 3 : 1, webhookUrl)
}
