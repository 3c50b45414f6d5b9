import type { Config } from '../config/schema.ts'
import type { ErrorCode } from '../errors.ts'
import { CallWriter } from './call.ts'
import { believedTime, type ClockLimits } from './clock.ts'
import { placeholders } from './dialects/identity.ts'
import { compileDialects, F } from './dialects.ts'
import { createDraft, numberOf, type Origin, textOf } from './draft.ts'
import type { Event, Position } from './events.ts'
import type { Pseudonym } from './hasher.ts'
import { JoinWindow } from './join.ts'
import type { AttributeKeys, AttributeList, LogRecord, OtlpRequest, ScopeRecords } from './otlp/records.ts'
import { Reader } from './reader.ts'
import { metricPoint } from './series.ts'
import { type Finished, SpanMapper } from './spans.ts'
import { addTally, count, type Tally } from './tally.ts'
import { sampleEvent, trainingProblem, trainingSample, trainingUpdate, updateEvent } from './training.ts'
import { Identifier } from './who.ts'

export type MapperConfig = Pick<Config, 'ingest' | 'identity' | 'content'>

/** The record that a request stood in. */
export interface RecordOrigin {
  readonly topic: string
  readonly epoch: string
  readonly partition: number
  readonly offset: number
  /** Append time, milliseconds since the epoch; 0 where the log keeps none. */
  readonly timestampMillis: number
}

/** A part of a request that claims to be something but cannot be used: a dead letter, once the record's bytes are put to it. */
export interface Refusal {
  readonly code: ErrorCode
  readonly reason: string
  /** Which refusal of its record. */
  readonly index: number
}

export interface Mapped {
  readonly events: Event[]
  readonly refused: Refusal[]
  /** Values that were clamped or dropped inside what is used, by reason. */
  readonly clamped: Tally
  /** Spans and log records that became no event of their own, by reason. */
  readonly ignored: Tally
}

export interface Mapper {
  /** What the decoder has to keep. */
  readonly keys: AttributeKeys
  /**
   * The events of a request. Given a window, calls are joined across the requests of its log, and a call may be given out with a later
   * request than its own; its position is that of the request it was given out with, so positions only grow.
   */
  map(request: OtlpRequest, origin: RecordOrigin, window?: JoinWindow): Mapped
  /** Lets time pass when nothing arrives: gives out the calls that waited long enough. */
  flush(window: JoinWindow, timeMicros: number): Mapped
  /** Gives out all calls that wait: the log has ended. */
  flushAll(window: JoinWindow): Mapped
  /** A window with the bounds of the configuration; one for each ordered log. */
  createWindow(): JoinWindow
}

/** Log records that tell of a call whose span does, too. */
const repeatsCall = /^gen_ai\./

/** Makes the mapping of telemetry to events. `pseudonym` gives the stored form of identities (`hasher.ts`). Keeps caches only: no state that reaches results. */
export function createMapper(config: MapperConfig, pseudonym: Pseudonym): Mapper {
  return new TableMapper(config, pseudonym)
}

class TableMapper implements Mapper {
  readonly keys: AttributeKeys
  readonly #config: MapperConfig
  readonly #reader: Reader
  readonly #writer: CallWriter
  readonly #spans: SpanMapper
  readonly #scratch = createDraft()

  constructor(config: MapperConfig, pseudonym: Pseudonym) {
    const { ingest, identity, content } = config
    const dialects = compileDialects({ attributes: identity.attributes, credential: identity.credential })
    this.keys = dialects.keys
    this.#config = config
    this.#reader = new Reader(dialects, new Set([...placeholders, ...identity.placeholders]))
    this.#writer = new CallWriter(new Identifier(dialects.identities, pseudonym), {
      maxVectorLength: ingest.maxVectorLength,
      keepContent: content.keep,
      embeddingDimensions: content.embeddingDimensions,
    })
    this.#spans = new SpanMapper(this.#reader, this.#writer, ingest.clock)
  }

  createWindow(): JoinWindow {
    const { joinWindow, joinSpans } = this.#config.ingest
    return new JoinWindow(joinWindow, joinSpans)
  }

  map(request: OtlpRequest, origin: RecordOrigin, window?: JoinWindow): Mapped {
    const output = new Output(origin, 0)
    addTally(output.clamped, request.clamped)
    const scopes = request.scopes.map((records) => ({ records, origin: this.#origin(records.resource, output.clamped) }))
    // A JSON record may hold several signals; `request.signal` names the first.
    if (request.scopes.some(({ spans }) => spans.length > 0)) {
      const outcome = this.#spans.map(scopes, origin.timestampMillis, window ?? null, output.clamped, output.ignored)
      for (const { scope, spanName } of outcome.refused) output.refuse(`span \`${spanName}\` (scope \`${scope}\`) has no usable time`)
      this.#finish(outcome.finished, output)
    }
    for (const { records, origin: resource } of scopes) {
      for (const log of records.logs) this.#log(log, resource, origin.timestampMillis, output)
      this.#points(records, resource, origin.timestampMillis, output)
    }
    if (window !== undefined) window.last = { ...output.place, nextIndex: output.events.length }
    return output.mapped()
  }

  flush(window: JoinWindow, timeMicros: number): Mapped {
    return this.#release(
      window,
      window.advance(timeMicros).map((draft) => ({ draft, possibleDuplicate: true })),
    )
  }

  flushAll(window: JoinWindow): Mapped {
    return this.#release(
      window,
      window.drain().map((draft) => ({ draft, possibleDuplicate: false })),
    )
  }

  #release(window: JoinWindow, finished: readonly Finished[]): Mapped {
    const { nextIndex, ...place } = window.last
    const output = new Output(place, nextIndex)
    this.#finish(finished, output)
    window.last = { ...place, nextIndex: nextIndex + output.events.length }
    return output.mapped()
  }

  #finish(finished: readonly Finished[], output: Output): void {
    for (const { draft, possibleDuplicate } of finished) {
      output.events.push(
        draft.role === 'tool'
          ? this.#writer.toolCall(draft, output.position(), output.clamped)
          : this.#writer.call(draft, output.position(), possibleDuplicate, output.clamped),
      )
    }
  }

  #log(log: LogRecord, resource: Origin, appendMillis: number, output: Output): void {
    const draft = this.#scratch
    this.#reader.readAttributes(draft, log.attributes, output.clamped)
    const name = log.eventName !== '' ? log.eventName : (textOf(draft, F.eventName) ?? '')
    if (name !== sampleEvent && name !== updateEvent) {
      count(output.ignored, repeatsCall.test(name) ? 'log_repeats_call' : 'log_not_an_event')
      return
    }
    const given = log.timeMicros > 0 ? log.timeMicros : log.observedMicros
    const time = believedTime(given, appendMillis, this.#clock, output.clamped)
    const problem = time === null ? `${name} has no usable time` : trainingProblem(draft, name)
    if (time === null || problem !== null) {
      output.refuse(problem!)
      return
    }
    draft.time = time
    draft.origin = resource
    this.#writer.settle(draft, output.clamped)
    output.events.push(
      name === sampleEvent
        ? trainingSample(draft, output.position(), output.clamped)
        : trainingUpdate(draft, output.position(), this.#config.ingest.maxVectorLength, output.clamped),
    )
  }

  #points(records: ScopeRecords, resource: Origin, appendMillis: number, output: Output): void {
    for (const point of records.points) {
      const time = believedTime(point.timeMicros, appendMillis, this.#clock, output.clamped)
      if (time === null) output.refuse(`a point of ${point.metric} has no usable time`)
      else output.events.push(metricPoint(point, resource, time, output.position()))
    }
  }

  get #clock(): ClockLimits {
    return this.#config.ingest.clock
  }

  #origin(resource: AttributeList, clamped: Tally): Origin {
    const draft = this.#scratch
    this.#reader.readAttributes(draft, resource, clamped)
    return {
      service: textOf(draft, F.service) ?? '',
      namespace: textOf(draft, F.namespace) ?? '',
      environment: textOf(draft, F.environment) ?? '',
      samplingRatio: numberOf(draft, F.samplingRatio),
    }
  }
}

/** What is made of one request. */
class Output {
  readonly events: Event[] = []
  readonly clamped: Tally = {}
  readonly ignored: Tally = {}
  readonly place: Omit<Position, 'index'>
  readonly #refused: Refusal[] = []
  readonly #firstIndex: number

  constructor(origin: Omit<Position, 'index'>, firstIndex: number) {
    const { topic, epoch, partition, offset } = origin
    this.place = { topic, epoch, partition, offset }
    this.#firstIndex = firstIndex
  }

  /** Position of the event that is pushed next. */
  position(): Position {
    const { topic, epoch, partition, offset } = this.place
    return { topic, epoch, partition, offset, index: this.#firstIndex + this.events.length }
  }

  refuse(reason: string): void {
    this.#refused.push({ code: 'TW_TELEMETRY_UNUSABLE', reason, index: this.#refused.length })
  }

  mapped(): Mapped {
    return { events: this.events, refused: this.#refused, clamped: this.clamped, ignored: this.ignored }
  }
}
