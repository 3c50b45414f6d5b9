import type { TestServer } from '../support/clickhouse-http/start.ts'
import type { KafkaCluster } from '../support/kafka/kafka.ts'
import type { Sent } from './episodes.ts'
import type { Member } from './member.ts'

export const targets = ['chdb', 'server', 'kafka', 'kafka3'] as const
export type Target = (typeof targets)[number]

/** What a round runs on: a log of record, a store, and processes between them. */
export interface Deployment {
  readonly server: TestServer | null
  readonly cluster: KafkaCluster | null
  /** What the process with this number is started with. */
  settings(member: number): { readonly directory: string; readonly config: object; readonly args: readonly string[] }
  /** Puts a request into the log, through a door of the members that are up where it has no other. Resolves with whether it is in. */
  send(request: Sent, members: readonly Member[]): Promise<boolean>
  /** Resolves once all that is in the log is stored, and every webhook was delivered or a member died. */
  settled(members: readonly Member[]): Promise<void>
  /** What was stored, and what an undisturbed run over the same log of record stores. When no process runs. */
  compare(): Promise<Comparison>
  close(): Promise<void>
}

export interface Comparison {
  /** A line for each difference; empty where there is none. */
  readonly differences: readonly string[]
  /** Ids and bodies of the webhooks that an undisturbed run sends; null where they are not compared. */
  readonly webhooks: ReadonlyMap<string, string> | null
  /** Rows by table, of the undisturbed run. */
  readonly rows: Readonly<Record<string, number>>
}
