import { configHash } from '../config/hash.ts'
import type { Config } from '../config/schema.ts'
import { createDecisions, type Decisions } from '../decisions/decide.ts'
import { keyingAlert } from '../delivery/own-alert.ts'
import type { Observation } from '../detection/observation.ts'
import { errorCode } from '../errors.ts'
import { EventTimeOrder } from '../routing/event-time-order.ts'
import { Keying } from '../routing/keying.ts'
import { OriginClocks } from '../routing/origin-clocks.ts'
import { Seen } from '../routing/seen.ts'
import { ByteReader, ByteWriter } from '../sketches/bytes.ts'
import type { SourceBatch, SourceRecord } from '../sources/source.ts'
import type { Position } from '../telemetry/events.ts'
import { type ActionKey, isAction, readAction } from './action-record.ts'
import { controlLetter } from './control-letter.ts'
import type { OutcomeBuilder } from './outcome.ts'
import { openState, type Stage, sealState, stateIdentity } from './stage.ts'
import { readRecord } from './stage-record.ts'

/**
 * Decide over the one partition of `tidewatch.observations`, where also stands what people do. Drops observations that it has had, and takes
 * them in the order of event time.
 */
export class DecideStage implements Stage {
  private readonly name: string
  private readonly deciding: Decisions
  private readonly actionKey: ActionKey | null
  private readonly keepBytes: number
  private readonly seen = new Seen()
  private readonly clocks = new OriginClocks()
  private readonly order = new EventTimeOrder()
  /** Null where Tidewatch routes by itself. */
  private readonly keying: Keying | null
  /** Id of the last alert about keys: one a topic and day. */
  private toldOf = ''

  constructor(config: Config, actionKey: ActionKey | null) {
    this.name = `decide 3 ${stateIdentity(config)}`
    this.deciding = createDecisions({ ...config.decisions, configuration: configHash(config) })
    this.actionKey = actionKey
    this.keying = config.kafka.routing ? null : new Keying()
    this.keepBytes = config.deadLetters.maxBytes
  }

  get decisions(): Pick<Decisions, 'status' | 'looks' | 'budget' | 'expectations'> {
    return this.deciding
  }

  get watermark(): number | null {
    return this.clocks.watermark
  }

  apply(batch: SourceBatch, record: SourceRecord, outcome: OutcomeBuilder): boolean {
    if (isAction(record)) return this.act(batch, record, outcome)
    const read = readRecord(batch, record, ['observation', 'time'], this.keepBytes, outcome)
    if (read === null) return true
    if (read.type === 'observation' && this.seen.take(read.position)) {
      if (this.keying) this.check(read.position, read.observation, outcome)
      this.order.take(read.observation, record.timestamp)
    }
    if (read.type === 'time') this.clocks.tell(read.origin, read.watermark, record.timestamp)
    this.decide(record.timestamp, outcome)
    return false
  }

  snapshot(): Uint8Array {
    return sealState(this.name, [this.deciding.snapshot(), this.seen.encode(), this.clocks.encode(), this.order.encode(), this.keyed()])
  }

  restore(bytes: Uint8Array): void {
    openState(this.name, bytes, [
      (part) => this.deciding.restore(part),
      (part) => this.seen.decode(part),
      (part) => this.clocks.decode(part),
      (part) => this.order.decode(part),
      (part) => this.rekey(part),
    ])
  }

  private keyed(): Uint8Array {
    return new ByteWriter()
      .text(this.toldOf)
      .block(this.keying?.encode() ?? new Uint8Array(0))
      .finish()
  }

  private rekey(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes)
    this.toldOf = reader.text()
    const places = reader.block()
    if (places.length > 0) this.keying?.decode(places)
  }

  private check(position: Position, { detector, subject, time }: Observation, outcome: OutcomeBuilder): void {
    const other = this.keying!.elsewhere(`${detector} ${subject.kind} ${subject.id}`, position)
    if (other === null) return
    const alert = keyingAlert(position.topic, `${subject.kind} ${subject.id}`, [other, position.partition], time)
    if (alert.id === this.toldOf) return
    this.toldOf = alert.id
    outcome.alerts.push(alert)
  }

  private decide(now: number, outcome: OutcomeBuilder): void {
    for (const observation of this.order.due(this.watermark, now)) outcome.decide(this.deciding, observation)
    if (this.watermark !== null) outcome.alerts.push(...this.deciding.advance(this.watermark))
  }

  private act(batch: SourceBatch, record: SourceRecord, outcome: OutcomeBuilder): boolean {
    try {
      const action = readAction(record, this.actionKey)
      outcome.actions.push(action)
      outcome.alerts.push(...this.deciding.act(action))
      return false
    } catch (error) {
      if (errorCode(error) !== 'TW_ACTION_REFUSED') throw error
      outcome.deadLetters.push(controlLetter(batch, record, 'TW_ACTION_REFUSED', (error as Error).message))
      return true
    }
  }
}
