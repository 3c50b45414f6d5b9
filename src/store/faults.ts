import { TidewatchError } from '../errors.ts'

/**
 * Codes of ClickHouse exceptions that pass by themselves or with an operator's help: the same statement may succeed later.
 * Every other code means that the statement itself is refused.
 */
const passing = new Set([
  75, // CANNOT_WRITE_TO_FILE_DESCRIPTOR: the disk is full
  76, // CANNOT_OPEN_FILE
  159, // TIMEOUT_EXCEEDED
  202, // TOO_MANY_SIMULTANEOUS_QUERIES
  203, // NO_FREE_CONNECTION
  209, // SOCKET_TIMEOUT
  210, // NETWORK_ERROR
  225, // NO_ZOOKEEPER
  236, // ABORTED
  241, // MEMORY_LIMIT_EXCEEDED
  242, // TABLE_IS_READ_ONLY
  243, // NOT_ENOUGH_SPACE
  244, // UNEXPECTED_ZOOKEEPER_ERROR
  252, // TOO_MANY_PARTS
  279, // ALL_CONNECTION_TRIES_FAILED
  285, // TOO_FEW_LIVE_REPLICAS
  286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
  319, // UNKNOWN_STATUS_OF_INSERT
  341, // UNFINISHED
  364, // IP_ADDRESS_NOT_ALLOWED: a firewall in the making
  394, // QUERY_WAS_CANCELLED
  425, // SYSTEM_ERROR
  439, // CANNOT_SCHEDULE_TASK
  499, // S3_ERROR
  745, // SERVER_OVERLOADED
  999, // KEEPER_EXCEPTION
  1000, // POCO_EXCEPTION
  1001, // STD_EXCEPTION
  1002, // UNKNOWN_EXCEPTION
])

/** Numeric code of a ClickHouse exception, null for everything else (a connection that broke, a proxy's page, a bug). */
export function exceptionCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('code' in error) || !('type' in error)) return null
  return /^\d+$/.test(String(error.code)) ? Number(error.code) : null
}

/**
 * The error as Tidewatch's own: TW_STORE_UNAVAILABLE where a repeat of the same statement may succeed (the connection broke, a deadline
 * passed, too many parts, no memory, read-only), TW_STORE_REFUSED where it cannot. Whatever did not come from the engine counts as a
 * broken way to it, except errors of the language, which are bugs.
 */
export function storeError(error: unknown, statement: string): TidewatchError {
  if (error instanceof TidewatchError) return error
  const code = exceptionCode(error)
  const bug = error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError || error instanceof ReferenceError
  const refused = code === null ? bug : !passing.has(code)
  const message = error instanceof Error ? error.message.trim() : String(error)
  const name = code === null ? networkCode(error) : `ClickHouse ${code} ${(error as { type?: string }).type ?? ''}`.trim()
  const detail = `${statement}: ${name === '' ? '' : `${name}: `}${message.slice(0, 500)}`
  return new TidewatchError(refused ? 'TW_STORE_REFUSED' : 'TW_STORE_UNAVAILABLE', detail, { cause: error })
}

function networkCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
