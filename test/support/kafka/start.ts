import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import { KafkaNode } from './node.ts'
import { kafkaRuntime } from './runtime.ts'
import { certificate } from './security.ts'
import type { NodePlan } from './server-properties.ts'

/** A cluster that belongs to who started it. Nodes are numbered from 0. */
export interface KafkaCluster {
  /** host:port of every broker. */
  readonly brokers: string[]
  /** The listener with TLS and SASL where it was asked for: `testUser` may come in, `ca` is the PEM file to trust. */
  readonly secured: { readonly brokers: string[]; readonly ca: string } | null
  /** SIGKILL of one broker. */
  kill(node: number): Promise<void>
  /** Starts a broker that was killed or shut down again, over the same data; resolves when the cluster serves it. */
  restart(node: number): Promise<void>
  /** Orderly shutdown of one broker. */
  shutdown(node: number): Promise<void>
  /** SIGSTOP and SIGCONT: a broker that hangs. */
  suspend(node: number): void
  continue(node: number): void
  /** Ends all brokers and removes their data. */
  stop(): Promise<void>
}

export interface KafkaOptions {
  /** @default 1 */
  readonly brokers?: 1 | 3
  /** A second listener with TLS and SASL (needs keytool on this machine). @default false */
  readonly secured?: boolean
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** Resolves when the controller knows `count` brokers and serves metadata. */
async function ready(address: string, count: number): Promise<void> {
  const kafka = new kafkajs.Kafka({ brokers: [address], logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 0 } })
  for (const end = Date.now() + 60_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const admin = kafka.admin()
    try {
      await admin.connect()
      const { brokers, controller } = await admin.describeCluster()
      if (brokers.length >= count && controller !== null) return
    } catch (error) {
      if (Date.now() > end) throw error
    } finally {
      await admin.disconnect().catch(() => {})
    }
    if (Date.now() > end) throw new Error(`Kafka at ${address} did not get ready`)
  }
}

/**
 * Starts a real Apache Kafka of one or three nodes on free loopback ports. It ends with `stop`, and in any case with this process.
 * Throws where neither Java with Maven nor a container engine is there; `kafkaForTests` is the way to skip then.
 */
export async function startKafka({ brokers: count = 1, secured = false }: KafkaOptions = {}): Promise<KafkaCluster> {
  const runtime = await kafkaRuntime()
  if ('missing' in runtime) throw new Error(runtime.missing)
  const folder = await mkdtemp(join(tmpdir(), 'tidewatch-kafka-'))
  const ports = await freePorts(3 * count)
  const tls = secured ? await certificate(runtime.cache) : null
  const voters = Array.from({ length: count }, (_, i) => `${i + 1}@127.0.0.1:${ports[count + i]}`).join(',')
  const nodes: KafkaNode[] = []
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.kill()))
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    for (let i = 0; i < count; i++) {
      const plan: NodePlan = {
        id: i + 1,
        port: ports[i]!,
        controllerPort: ports[count + i]!,
        voters,
        brokers: count,
        secured: tls && { port: ports[2 * count + i]!, keyStore: tls.keyStore },
        folder: join(folder, `${i + 1}`),
      }
      nodes.push(await KafkaNode.create(runtime, plan))
    }
    await Promise.all(nodes.map((node) => node.start()))
    await ready(nodes[0]!.address, count)
  } catch (error) {
    await stop()
    throw error
  }
  const down = new Set<number>()
  return {
    brokers: nodes.map((node) => node.address),
    secured: tls && { brokers: nodes.map(({ plan }) => `127.0.0.1:${plan.secured!.port}`), ca: tls.ca },
    kill: async (node) => {
      down.add(node)
      await nodes[node]!.kill()
    },
    shutdown: async (node) => {
      down.add(node)
      await nodes[node]!.shutdown()
    },
    restart: async (node) => {
      await nodes[node]!.start()
      down.delete(node)
      await ready(nodes[node]!.address, count - down.size)
    },
    suspend: (node) => nodes[node]!.suspend(),
    continue: (node) => nodes[node]!.continue(),
    stop,
  }
}
