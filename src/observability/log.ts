import pino, { type DestinationStream, type Logger } from 'pino'
import type { Config } from '../config/schema.ts'

export type { Logger } from 'pino'

const SECRET_KEYS = ['secret', 'password', 'token', 'authorization', 'sasl', 'key']

/** Secrets that slip into messages: credentials in URLs, webhook secrets, bearer tokens. */
function scrub(line: string): string {
  return line
    .replace(/:\/\/[^/\s"@]+@/g, '://***@')
    .replace(/whsec_[A-Za-z0-9+/=]+/g, 'whsec_***')
    .replace(/Bearer [\w.~+/=-]+/gi, 'Bearer ***')
}

const LEVELS: Readonly<Record<number, string>> = { 10: 'trace', 20: 'debug', 30: 'info ', 40: 'warn ', 50: 'error', 60: 'fatal' }

/** One line for a reader at a terminal: time, level, message, then the fields. */
export function prettyLine(line: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(line)
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  if (err) rest.push(`error=${JSON.stringify(err.message)}`)
  return `${new Date(time).toISOString().slice(11, 23)} ${LEVELS[level] ?? level} ${msg ?? ''}${rest.length > 0 ? `  ${rest.join(' ')}` : ''}\n`
}

/**
 * The program's log, to stderr: JSON lines, or one readable line each on a terminal. Fields named like secrets are
 * removed, at the top and one level below, and secrets inside of texts are masked.
 */
export function createLog(config: Config['log'], stream: NodeJS.WritableStream & { isTTY?: boolean } = process.stderr): Logger {
  const destination: DestinationStream = stream.isTTY
    ? { write: (line) => void stream.write(prettyLine(line)) }
    : { write: (line) => void stream.write(line) }
  return pino(
    {
      level: config.level,
      base: null,
      redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`]), censor: '***' },
      hooks: { streamWrite: scrub },
    },
    destination,
  )
}
