import kafkajs, { type LogEntry, type logCreator } from 'kafkajs'
import type { Logger } from 'pino'

/** Told better elsewhere: the source says in one line that brokers are away or that the group moved; kafkajs says it several times a second. */
const NOISY_NAMESPACES = new Set(['Connection', 'BrokerPool', 'Cluster', 'ConnectionPool'])
const NOISY_MESSAGE =
  /^(Response |Crash|Restarting|Offset out of range|The coordinator is not aware|The group is rebalancing|KafkaJS v2|Limiting retries)/

/** kafkajs' own log as lines of ours, a level or two lower than it thinks of itself. */
export function kafkajsLog(log: Logger): logCreator {
  const { logLevel } = kafkajs
  return () =>
    ({ namespace, level, log: entry }: LogEntry) => {
      const { message, logger: _logger, timestamp: _timestamp, stack: _stack, helpUrl: _helpUrl, ...fields } = entry
      const text = `kafkajs ${namespace}: ${message}`
      if (level >= logLevel.DEBUG) log.trace(fields, text)
      else if (level >= logLevel.INFO || NOISY_NAMESPACES.has(namespace) || NOISY_MESSAGE.test(message)) log.debug(fields, text)
      else if (level === logLevel.WARN) log.info(fields, text)
      else log.warn(fields, text)
    }
}
