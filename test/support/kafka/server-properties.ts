import { join } from 'node:path'
import { securedListener } from './security.ts'

export interface NodePlan {
  readonly id: number
  readonly port: number
  readonly controllerPort: number
  /** `id@host:port` of all controllers, comma separated. */
  readonly voters: string
  readonly brokers: number
  /** A second listener, with TLS and SASL. */
  readonly secured: { readonly port: number; readonly keyStore: string } | null
  /** Folder of this node: properties, data, output. */
  readonly folder: string
}

/** Small and quick rather than durable: few threads and partitions, sessions that expire in 1.5 s so that a killed broker may come back. */
export function serverProperties(plan: NodePlan): string {
  const copies = plan.brokers === 1 ? 1 : 3
  const inSync = plan.brokers === 1 ? 1 : 2
  const { secured } = plan
  const forClients = `PLAINTEXT://127.0.0.1:${plan.port}${secured ? `,SECURED://127.0.0.1:${secured.port}` : ''}`
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': plan.id,
    'controller.quorum.voters': plan.voters,
    'controller.listener.names': 'CONTROLLER',
    listeners: `${forClients},CONTROLLER://127.0.0.1:${plan.controllerPort}`,
    'advertised.listeners': forClients,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL',
    'inter.broker.listener.name': 'PLAINTEXT',
    ...(secured ? securedListener(secured.keyStore) : {}),
    'log.dirs': join(plan.folder, 'data'),
    'broker.session.timeout.ms': 1500,
    'broker.heartbeat.interval.ms': 300,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 500,
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': inSync,
    'share.coordinator.state.topic.num.partitions': 1,
    'default.replication.factor': copies,
    'min.insync.replicas': inSync,
    'auto.create.topics.enable': false,
    'num.network.threads': 2,
    'num.io.threads': 3,
    'num.replica.fetchers': 1,
    'background.threads': 2,
    'num.recovery.threads.per.data.dir': 1,
    'log.cleaner.dedupe.buffer.size': 4 * 2 ** 20,
    'log.segment.bytes': 64 * 2 ** 20,
    'log.index.size.max.bytes': 2 ** 20,
    'file.delete.delay.ms': 100,
    'socket.request.max.bytes': 104_857_600,
  })
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}
