import type { Config } from '../config/schema.ts'
import type { Decisions } from '../decisions/decide.ts'
import type { DecisionsStatus } from '../server/readiness.ts'
import type { BatchHandler, Source } from '../sources/source.ts'
import type { PipelineOptions } from './pipeline.ts'
import type { Stage } from './stage.ts'

/** What every pipeline of a process has in common. */
export type Shared = Pick<PipelineOptions<Stage>, 'guard' | 'base' | 'stored' | 'write' | 'written' | 'onHole'>

/** The stages of a process over the logs that they read. */
export interface Processing {
  readonly sources: readonly Source[]
  /** Event time up to which the last of the stages has come, microseconds; null before the first event. */
  readonly watermark: number | null
  /** Null where another member of the deployment decides. */
  decisions(): DecisionsStatus | null
  /** Why it does not get on, as far as the sources do not say it. */
  problem(): string | null
  /**
   * Begins to read, every batch handled in `around`. Resolves when batches can arrive; rejects where waiting does not help.
   */
  start(around: (handle: BatchHandler) => BatchHandler): Promise<void>
  /** Finishes and commits what is in work, and saves the state. */
  stop(): Promise<void>
}

/** What the status of decisions is made of. */
export function decisionsStatus(decisions: Pick<Decisions, 'status' | 'looks' | 'budget' | 'expectations'>): DecisionsStatus {
  return {
    budget: decisions.budget(),
    populations: decisions.status(),
    looks: decisions.looks(),
    expectations: decisions.expectations(),
  }
}

/** What is told where nobody decides. */
export function noDecisions({ decisions }: Pick<Config, 'decisions'>): DecisionsStatus {
  return { budget: { perDay: decisions.falseIncidentsPerDay, day: null, spent: {} }, populations: [], looks: [], expectations: [] }
}
