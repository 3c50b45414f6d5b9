import type { Problem, ServerDeps } from './deps.ts'

/**
 * Everything that is not as it should be. A store that does not answer blocks; a webhook receiver that refuses does not,
 * because its deliveries wait in the store and nothing else waits for them.
 */
export async function collectProblems(deps: ServerDeps): Promise<Problem[]> {
  const problems = [...deps.status().problems]
  if (!problems.some((problem) => problem.component === 'store') && !(await deps.store.ping().catch(() => false))) {
    problems.push({ component: 'store', reason: 'the store does not answer', blocking: true })
  }
  for (const { target, waiting, more, failures, lastFailure, dead } of deps.webhooks()) {
    if (dead > 0) problems.push({ component: 'webhooks', reason: `${target}: ${dead} given up since the start`, blocking: false })
    if (lastFailure === null) continue
    const count = `${waiting}${more ? ' or more' : ''}`
    problems.push({
      component: 'webhooks',
      reason: `${target}: ${count} not delivered, ${failures} attempts failed in a row, last: ${lastFailure}`,
      blocking: false,
    })
  }
  return problems
}
