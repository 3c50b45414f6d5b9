import type { Logger } from 'pino'
import type { Source } from '../sources/source.ts'
import type { Checkpointing } from './checkpointing.ts'
import type { Claims } from './claims.ts'
import { Pipeline } from './pipeline.ts'
import { decisionsStatus, type Processing, type Shared } from './processing.ts'
import type { Stages } from './stages.ts'

export interface OneLogOptions {
  readonly source: Source
  readonly createStages: () => Stages
  readonly claims: Claims
  readonly checkpoints: Checkpointing
  readonly shared: Shared
  readonly log: Logger
}

/** The three stages as plain calls over one ordered log. */
export function oneLog({ source, createStages, claims, checkpoints, shared, log }: OneLogOptions): Processing {
  const pipeline = new Pipeline({ ...shared, createStages, claims, checkpoints })
  return {
    sources: [source],
    get watermark() {
      return pipeline.watermark
    },
    decisions: () => decisionsStatus(pipeline.current.decisions),
    problem: () => null,
    start: (around) =>
      source.start(
        around((batch, context) => pipeline.handle(batch, context)),
        { resume: (topic, epoch, partition) => pipeline.place(topic, epoch, partition) },
      ),
    async stop() {
      await source.stop()
      await pipeline.rest().catch((error) => log.warn({ err: error }, 'the state was not saved; the next start reads the log again'))
    },
  }
}
