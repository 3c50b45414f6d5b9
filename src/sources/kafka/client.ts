import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import kafkajs, { type Kafka, type SASLOptions } from 'kafkajs'
import type { Logger } from 'pino'
import type { Config } from '../../config/schema.ts'
import { TidewatchError } from '../../errors.ts'
import { registerCodecs } from './codecs.ts'
import { kafkajsLog } from './log.ts'

export type KafkaConfig = Config['kafka']

function tls(config: KafkaConfig['tls']): boolean | ConnectionOptions {
  if (typeof config === 'boolean') return config
  const options: ConnectionOptions = { rejectUnauthorized: config.rejectUnauthorized }
  for (const part of ['ca', 'cert', 'key'] as const) if (config[part] !== undefined) options[part] = readFileSync(config[part], 'utf8')
  return options
}

/**
 * A kafkajs client with what the configuration says of brokers, TLS and SASL, and with all codecs.
 * Throws TW_SOURCE_UNAVAILABLE where a PEM file cannot be read.
 */
export function kafkaClient(config: KafkaConfig, log: Logger): Kafka {
  registerCodecs()
  const { username, password, mechanism } = config.sasl ?? {}
  try {
    return new kafkajs.Kafka({
      brokers: config.brokers,
      clientId: config.clientId,
      ssl: tls(config.tls),
      ...(config.sasl ? { sasl: { mechanism, username, password } as SASLOptions } : {}),
      connectionTimeout: 5000,
      authenticationTimeout: 10_000,
      requestTimeout: 30_000,
      // Short rounds: who uses the client decides how often to begin again, and says meanwhile what is wrong.
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 5 },
      logLevel: kafkajs.logLevel.INFO,
      logCreator: kafkajsLog(log),
    })
  } catch (error) {
    throw new TidewatchError('TW_SOURCE_UNAVAILABLE', (error as Error).message, { cause: error })
  }
}
