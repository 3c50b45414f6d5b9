import { DeliveryLog } from '../../src/delivery/delivery-log.ts'
import { Pipeline } from '../../src/stages/pipeline.ts'
import { Stages } from '../../src/stages/stages.ts'
import { ClientStore } from '../../src/store/client-store.ts'

/**
 * Protections that are taken away from a process under test, by name: loaded into it before anything else where `TIDEWATCH_BROKEN` names one. Reaches
 * into private parts on purpose: nothing that a configuration can say takes a protection away.
 */
const removals = {
  'no token': () => {
    const { send } = store
    store.send = function (this: object, table, encoded, _block, signal) {
      return send.call(this, table, encoded, `${process.pid}/${Math.random()}`, signal)
    }
    // It would notice at the start.
    ClientStore.prototype.proveDeduplication = async () => {}
  },
  'no claim': () => {
    const { open } = pipeline
    pipeline.open = function (this: typeof pipeline, ...place) {
      this.options = { ...this.options, claims: null }
      return open.apply(this, place)
    }
  },
  'the row of the range first': () => {
    const { write } = ClientStore.prototype
    ClientStore.prototype.write = async function (this: ClientStore, batch, signal) {
      await write.call(this, { ...batch, rows: {} }, signal)
      await write.call(this, batch, signal)
    }
  },
  'state not restored': () => {
    const { recover } = pipeline
    pipeline.recover = async function (this: typeof pipeline, ...place) {
      const found = await recover.apply(this, place)
      this.stages = this.options.createStages()
      return { ...found, applied: Math.max(found.applied, found.stored) }
    }
  },
  'a timer on the wall clock': () => {
    const { apply } = Stages.prototype
    Stages.prototype.apply = function (this: Stages, batch, record, outcome) {
      const refused = apply.call(this, batch, record, outcome)
      outcome.alerts.push(...(this as unknown as { deciding: Decides }).deciding.advance(Date.now() * 1000))
      return refused
    }
  },
  'pending webhooks forgotten': () => {
    DeliveryLog.prototype.undelivered = async () => []
  },
} as const satisfies Readonly<Record<string, () => void>>

/** Name of a protection that can be taken away. */
export type Broken = keyof typeof removals

interface Decides {
  advance(time: number): []
}
type Send = (this: object, table: string, encoded: unknown, block: string, signal: AbortSignal | undefined) => Promise<void>
interface PipelineInside {
  options: { readonly claims: unknown; createStages(): Stages }
  stages: Stages
  open(this: PipelineInside, ...place: unknown[]): unknown
  recover(this: PipelineInside, ...place: unknown[]): Promise<{ stored: number; applied: number }>
}
const store = ClientStore.prototype as unknown as { send: Send }
const pipeline = Pipeline.prototype as unknown as PipelineInside

const name = process.env.TIDEWATCH_BROKEN
if (name !== undefined) removals[name as Broken]()
