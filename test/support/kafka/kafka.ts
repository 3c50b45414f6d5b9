import { randomUUID } from 'node:crypto'
import { inject } from 'vitest'
import { kafkaRuntime } from './runtime.ts'

export { testUser } from './security.ts'
export { type KafkaCluster, startKafka } from './start.ts'

/**
 * A healthy broker for tests that do it no harm: the one that `KAFKA_BROKERS` names (host:port, comma separated), or one that all
 * test files of this run share. Null, with one clear line, where there is none; in CI that is an error, so that nothing is skipped unnoticed.
 * Use it at the top of a file: `const kafka = await kafkaForTests()`, then `describe.skipIf(!kafka)`.
 */
export async function kafkaForTests(): Promise<{ brokers: string[] } | null> {
  const existing = process.env.KAFKA_BROKERS
  if (existing) return { brokers: existing.split(',').map((broker) => broker.trim()) }
  if (!(await canStartKafka())) return null
  const answer = (await (await fetch(inject('sharedKafkaUrl'))).json()) as { brokers: string[] } | { error: string }
  if ('error' in answer) throw new Error(answer.error)
  return answer
}

/** Whether `startKafka` can work here, for tests that need a broker of their own. Says why not; throws instead in CI. */
export async function canStartKafka(): Promise<boolean> {
  const runtime = await kafkaRuntime()
  if (!('missing' in runtime)) return true
  if (process.env.CI) throw new Error(runtime.missing)
  console.warn(`skipped: ${runtime.missing}`)
  return false
}

/** A name for a topic or group that no other test uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomUUID().slice(0, 8)}`
}

/** Names for all topics of a deployment that no other test uses. */
export function uniqueTopics() {
  const names = ['traces', 'metrics', 'logs', 'events', 'observations', 'claims'] as const
  return Object.fromEntries(names.map((name) => [name, uniqueName(name)])) as Record<(typeof names)[number], string>
}
