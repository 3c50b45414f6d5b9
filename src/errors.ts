/**
 * The closed list of error codes. Every error that Tidewatch raises on purpose carries one; `docs/errors.md` explains each,
 * and a test keeps the two equal. A row says what happened; `action` says what the reader can do about it.
 */
export const errorTable = {
  TW_CONFIG_INVALID: {
    title: 'The configuration is not valid',
    action: 'Correct the line that the message names; `tidewatch config schema` prints every key.',
  },
  TW_CONFIG_UNREADABLE: { title: 'The configuration file cannot be read', action: 'Check the path given to --config and its permissions.' },
  TW_USAGE: { title: 'The command line is wrong', action: 'See `tidewatch COMMAND --help`.' },
  TW_LISTEN_FAILED: {
    title: 'An address cannot be listened on',
    action: 'Stop what uses it, or set the option that the message names (of the demo: `--port`) to another one; 0 takes a free one.',
  },
  TW_DATA_UNUSABLE: {
    title: 'The data folder cannot be used',
    action: 'Check data.directory, or --data: a folder on a local disk with room, where this user may write.',
  },
  TW_OUTPUT_UNWRITABLE: { title: 'The output cannot be written', action: 'Check the path, its rights and the room on the disk.' },
  TW_TELEMETRY_TRUNCATED: {
    title: 'A protobuf message ends in the middle of a field',
    action: 'The producer or a proxy cut the record; see the dead letter for its bytes.',
  },
  TW_TELEMETRY_MALFORMED: {
    title: 'The bytes are neither OTLP protobuf nor OTLP/JSON',
    action: 'Set the exporter to otlp_proto or otlp_json.',
  },
  TW_TELEMETRY_TOO_DEEP: { title: 'Values are nested deeper than the limit', action: 'Send flat attributes.' },
  TW_TELEMETRY_TOO_LARGE: {
    title: 'A record is larger than the limit',
    action: "Lower the exporter's batch size or raise ingest.maxRecordBytes.",
  },
  TW_TELEMETRY_UNUSABLE: {
    title: 'A span, log record or metric point cannot be used',
    action: 'It claims to be a call, a sample or a measurement but lacks what makes it one; the reason names it.',
  },
  TW_TELEMETRY_UNSUPPORTED_ENCODING: { title: 'The content encoding is not supported', action: 'Send identity or gzip.' },
  TW_SOURCE_UNAVAILABLE: { title: 'A source cannot be reached', action: 'Check the brokers and the network; Tidewatch keeps trying.' },
  TW_SOURCE_OFFSET_OUT_OF_RANGE: {
    title: 'The log no longer holds the offset to go on from',
    action: 'Records were lost to retention. The gap is counted; see kafka.onOffsetOutOfRange.',
  },
  TW_SOURCE_TOPIC_RECREATED: {
    title: 'A topic was deleted and created again',
    action: 'Tidewatch starts the new topic from its beginning; see kafka.onTopicRecreated.',
  },
  TW_STAGE_TOPIC_MISMATCH: {
    title: 'A topic between the stages has another number of partitions',
    action: 'Set kafka.eventPartitions to what the topic has. Another number needs new topics: name them in kafka.topics.',
  },
  TW_SOURCE_POISONED: {
    title: 'Too many records of a partition are refused',
    action: 'A producer is broken. Repair it, or raise deadLetters.maxShare or deadLetters.maxRun, then restart.',
  },
  TW_SOURCE_UNREADABLE: {
    title: 'A file cannot be read to its end',
    action: 'Check its path and rights, and that it is whole. What could be read was processed.',
  },
  TW_JOURNAL_FULL: {
    title: 'The journal on disk is full',
    action: 'The store does not keep up, or journal.maxBytes is too small. Senders are told to wait.',
  },
  TW_JOURNAL_UNWRITABLE: {
    title: 'The journal cannot be written',
    action: 'Check the disk and the rights on the data folder, then restart. Senders are told to wait.',
  },
  TW_JOURNAL_CORRUPT: { title: 'A journal segment fails its checksum', action: 'The damaged tail is cut off and counted. Check the disk.' },
  TW_STORE_UNAVAILABLE: {
    title: 'The store cannot be reached',
    action: 'Check ClickHouse, the network and store.url. A running instance waits and tries again; a start ends.',
  },
  TW_STORE_REFUSED: {
    title: 'The store refused a statement',
    action: 'See the cause; this is a fault of the schema or of the rights of the user.',
  },
  TW_STORE_NO_DEDUPLICATION: {
    title: 'The store does not deduplicate repeated inserts',
    action: 'Give every table a deduplication window; see docs/store.md.',
  },
  TW_STORE_MIGRATION_CHANGED: {
    title: 'An applied migration was changed afterwards',
    action: 'Restore the file, or start with an empty database.',
  },
  TW_STORE_ENGINE_MISSING: {
    title: 'The embedded engine (chdb) is not installed on this platform',
    action: 'Use Linux or macOS with glibc, or set store.url to a ClickHouse server.',
  },
  TW_STORE_BUSY: { title: 'Another process uses this data folder', action: 'Stop it, or give this one another --data folder.' },
  TW_WEBHOOK_INVALID: { title: 'A webhook is not set up rightly', action: 'Check its url and secret.' },
  TW_REQUEST_INVALID: {
    title: 'The request to the API is not valid',
    action: 'Correct the parameters that the message names; /api/v1/openapi.json lists them all.',
  },
  TW_REQUEST_UNAUTHORIZED: {
    title: 'The API does not know who asks, or the role does not suffice',
    action: 'Send `Authorization: Bearer TOKEN` with a token of server.tokens.',
  },
  TW_ACTION_REFUSED: {
    title: 'An action in the log is not one of this deployment',
    action: 'Somebody else wrote it, or the identity key was changed. It does nothing; look for who may write into the topic.',
  },
  TW_INSTANCE_UNREACHABLE: {
    title: 'No running instance answers',
    action: 'Start one with `tidewatch run`, or name it with --data, or with --api and the environment variable TIDEWATCH_TOKEN.',
  },
  TW_NOT_FOUND: { title: 'There is nothing of that name', action: 'Check the path and the id.' },
  TW_DETECTOR_UNKNOWN: { title: 'There is no detector of that name', action: '`tidewatch detectors` lists them.' },
  TW_RECORD_UNREADABLE: {
    title: 'A record between the stages cannot be read',
    action:
      'Another version of Tidewatch wrote it, or somebody else: upgrade the reading stage first, and see who may write into the topic.',
  },
  TW_STATE_MISMATCH: { title: 'Saved detector state has another version or fails its checksum', action: 'It is rebuilt from the log.' },
  TW_INTERNAL: {
    title: 'Tidewatch met a state that its authors held to be impossible',
    action: 'Please report it with the log around it.',
  },
} as const satisfies Record<string, { title: string; action: string }>

export type ErrorCode = keyof typeof errorTable

/** An error with a code of the closed list. `detail` says what was seen; `cause` holds the error beneath. */
export class TidewatchError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, detail: string, options?: { cause?: unknown }) {
    super(detail === '' ? errorTable[code].title : `${errorTable[code].title}: ${detail}`, options)
    this.name = 'TidewatchError'
    this.code = code
  }

  /** What the reader can do about it. */
  get action(): string {
    return errorTable[this.code].action
  }
}

/** An address that cannot be had, with the option that says it: `server.port 127.0.0.1:8686`. */
export function listenError(option: string, host: string, port: number, cause: Error): TidewatchError {
  // gRPC tells the cause in the text only.
  const reason = cause.message.includes('EADDRINUSE') ? 'is in use' : cause.message
  return new TidewatchError('TW_LISTEN_FAILED', `${option} ${host.includes(':') ? `[${host}]` : host}:${port} ${reason}`, { cause })
}

/** The code of an error, or null where it carries none (total: never throws). */
export function errorCode(error: unknown): ErrorCode | null {
  return error instanceof TidewatchError ? error.code : null
}
