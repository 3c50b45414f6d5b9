import { configHash } from '../config/hash.ts'
import type { Config } from '../config/schema.ts'
import { createDecisions, type Decisions } from '../decisions/decide.ts'
import { errorCode } from '../errors.ts'
import { EventTimeOrder } from '../routing/event-time-order.ts'
import { OriginClocks } from '../routing/origin-clocks.ts'
import { Seen } from '../routing/seen.ts'
import type { SourceBatch, SourceRecord } from '../sources/source.ts'
import { type ActionKey, isAction, readAction } from './action-record.ts'
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

  constructor(config: Config, actionKey: ActionKey | null) {
    this.name = `decide 2 ${stateIdentity(config)}`
    this.deciding = createDecisions({ ...config.decisions, configuration: configHash(config) })
    this.actionKey = actionKey
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
    if (read.type === 'observation' && this.seen.take(read.position)) this.order.take(read.observation, record.timestamp)
    if (read.type === 'time') this.clocks.tell(read.origin, read.watermark, record.timestamp)
    this.decide(record.timestamp, outcome)
    return false
  }

  snapshot(): Uint8Array {
    return sealState(this.name, [this.deciding.snapshot(), this.seen.encode(), this.clocks.encode(), this.order.encode()])
  }

  restore(bytes: Uint8Array): void {
    openState(this.name, bytes, [
      (part) => this.deciding.restore(part),
      (part) => this.seen.decode(part),
      (part) => this.clocks.decode(part),
      (part) => this.order.decode(part),
    ])
  }

  private decide(now: number, outcome: OutcomeBuilder): void {
    for (const observation of this.order.due(this.watermark, now)) {
      const { score, pValue, alerts } = this.deciding.process(observation)
      outcome.observations.push({ ...observation, score, pValue })
      outcome.alerts.push(...alerts)
    }
    if (this.watermark !== null) outcome.alerts.push(...this.deciding.advance(this.watermark))
  }

  private act({ topic, epoch, partition }: SourceBatch, record: SourceRecord, outcome: OutcomeBuilder): boolean {
    try {
      const action = readAction(record, this.actionKey)
      outcome.actions.push(action)
      outcome.alerts.push(...this.deciding.act(action))
      return false
    } catch (error) {
      if (errorCode(error) !== 'TW_ACTION_REFUSED') throw error
      const place = { topic, epoch, partition, offset: record.offset, index: 0, time: record.timestamp * 1000 }
      const reason = (error as Error).message
      outcome.deadLetters.push({ ...place, code: 'TW_ACTION_REFUSED', reason, signal: '', bytes: new Uint8Array(0), size: 0 })
      return true
    }
  }
}
