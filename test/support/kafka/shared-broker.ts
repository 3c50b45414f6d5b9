import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestProject } from 'vitest/node'
import { type KafkaCluster, startKafka } from './start.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where a test file asks for the broker that all of them share. */
    sharedKafkaUrl: string
  }
}

/**
 * Global set-up of vitest: nothing starts until a test file asks; then one broker of the main process serves all of them
 * and ends with the run. Tests that harm a broker start their own with `startKafka`.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let cluster: Promise<KafkaCluster> | null = null
  const server = createServer((_request, response) => {
    cluster ??= startKafka()
    cluster.then(
      ({ brokers }) => response.end(JSON.stringify({ brokers })),
      (error: Error) => response.end(JSON.stringify({ error: error.message })),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  project.provide('sharedKafkaUrl', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    if (cluster) await cluster.then(({ stop }) => stop()).catch(() => {})
  }
}
