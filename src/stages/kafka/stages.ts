import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Config, StageName } from '../../config/schema.ts'
import { reach } from '../../crash-point.ts'
import { errorCode } from '../../errors.ts'
import type { Gap } from '../../sources/kafka/places.ts'
import { kafkaPublisher } from '../../sources/kafka/publisher.ts'
import { kafkaSource } from '../../sources/kafka/source.ts'
import type { Mapper } from '../../telemetry/map.ts'
import type { Signal } from '../../telemetry/otlp/records.ts'
import type { ActionKey } from '../action-record.ts'
import type { Checkpointing } from '../checkpointing.ts'
import { DecideStage } from '../decide-stage.ts'
import { DetectStage } from '../detect-stage.ts'
import { IngestStage } from '../ingest-stage.ts'
import { KeyedStage } from '../keyed-stage.ts'
import { Pipeline } from '../pipeline.ts'
import { decisionsStatus, type Processing, type Shared } from '../processing.ts'
import type { Stage } from '../stage.ts'
import { kafkaClaims } from './claims.ts'
import { forward } from './forward.ts'
import { idleness } from './idle.ts'
import { originsOf } from './origins.ts'
import { Role } from './role.ts'
import { openStageTopics } from './topics.ts'

export interface KafkaStagesOptions {
  readonly config: Config
  readonly mapper: Mapper
  readonly key: ActionKey
  readonly shared: Shared
  readonly createCheckpointing: () => Checkpointing
  readonly log: Logger
  /** Told of records that the log lost before they were read. */
  readonly onGap: (gap: Gap) => void
  /** Told whether this member decides, whenever that may have changed. */
  readonly deciding: (here: boolean) => void
}

/** Milliseconds until brokers that did not answer are asked again for the topics. */
const TOPICS_RETRY = 1000

/** Milliseconds in which a member that leaves saves its state. */
const REST_PATIENCE = 3000

/** Milliseconds between two looks for partitions that have nothing. */
const IDLE_LOOK = 5000

/** Group of the members that run a stage. Ingest has the plain name: its commits are those of the telemetry's topics. */
const groupOf = (groupId: string, stage: StageName) => (stage === 'ingest' ? groupId : `${groupId}.${stage}`)

/** The stages of the configuration, each a member of a group of its own, with topics of Kafka between them. */
export function kafkaStages(options: KafkaStagesOptions): Processing {
  const { config, mapper, key, shared, createCheckpointing, log, onGap, deciding } = options
  const { topics, eventPartitions } = config.kafka
  const claims = kafkaClaims({ config: config.kafka, topic: topics.claims, log })
  const publisher = kafkaPublisher(config.kafka, { log })
  const stopping = new AbortController()
  for (const what of aloneIn(config)) log.warn(`${what}: no second process can share the work`)
  let trouble: string | null = null

  const role = <S extends Stage>(
    stage: StageName,
    read: ReadonlyMap<string, Signal | null>,
    behind: string | null,
    createStages: () => S,
    assigned?: (partitions: readonly number[]) => void,
  ): Role<S> => {
    const write: Shared['write'] = async (formed) => {
      if (behind !== null) await forward(publisher, behind, formed.outcome.outgoing)
      reach('forwarded')
      await shared.write(formed)
    }
    const kafka = { ...config.kafka, groupId: groupOf(config.kafka.groupId, stage) }
    const source = kafkaSource(kafka, { log, topics: read, name: `kafka ${stage}`, onGap })
    const createPipeline = () => new Pipeline({ ...shared, write, createStages, claims, checkpoints: createCheckpointing() })
    return new Role({ source, claims, createPipeline, log, ...(assigned && { assigned }) })
  }

  const telemetry = new Map<string, Signal>([
    [topics.traces, 'traces'],
    [topics.metrics, 'metrics'],
    [topics.logs, 'logs'],
  ])
  const runs = (stage: StageName) => config.stages.includes(stage)
  const { routing } = config.kafka
  const behindIngest = routing ? { topic: topics.events, partitions: eventPartitions } : { topic: topics.observations, partitions: 1 }
  const createIngest = () => (routing ? new IngestStage(config, mapper, key, eventPartitions) : new KeyedStage(config, mapper, key))
  const ingest = runs('ingest') ? role<Stage>('ingest', telemetry, behindIngest.topic, createIngest) : null
  const detect =
    routing && runs('detect') ? role('detect', new Map([[topics.events, null]]), topics.observations, () => new DetectStage(config)) : null
  const decide = runs('decide')
    ? role(
        'decide',
        new Map([[topics.observations, null]]),
        null,
        () => new DecideStage(config, key),
        (partitions) => deciding(partitions.length > 0),
      )
    : null
  const roles = [ingest, detect, decide].filter((each) => each !== null)

  const idle = async (of: Role<Stage>) => {
    const tell = idleness({
      held: () => of.partitions,
      lag: () => of.source.lag(),
      announce: ({ topic, epoch, partition }, watermark) =>
        forward(
          publisher,
          behindIngest.topic,
          Array.from({ length: behindIngest.partitions }, (_, to) => ({
            partition: to,
            record: { type: 'time', origin: { topic, epoch, partition }, watermark },
          })),
        ),
      now: Date.now,
    })
    while (!stopping.signal.aborted) {
      await sleep(IDLE_LOOK, undefined, { signal: stopping.signal }).catch(() => {})
      if (!stopping.signal.aborted)
        await tell().catch((error) => log.debug({ err: error }, 'the passing of time was not told to the stage behind'))
    }
  }
  let idling: Promise<void> = Promise.resolve()

  /** What must be there before anything is read. */
  const prepare = async () => {
    await openStageTopics(config, log)
    if (ingest) {
      const { topic, partitions } = behindIngest
      await forward(publisher, topic, await originsOf(config.kafka, [...telemetry.keys()], partitions, log))
    }
    if (detect) await forward(publisher, topics.observations, await originsOf(config.kafka, [topics.events], 1, log))
  }

  return {
    sources: roles.map(({ source }) => source),
    get watermark() {
      const of = (last: Role<Stage> | null) => {
        const times = (last?.stages ?? []).map(({ watermark }) => watermark).filter((time) => time !== null)
        return times.length > 0 ? Math.min(...times) : null
      }
      return of(decide) ?? of(detect) ?? of(ingest)
    },
    decisions() {
      const [stage] = decide?.stages ?? []
      return stage ? decisionsStatus(stage.decisions) : null
    },
    problem: () => trouble,
    async start(around) {
      for (;;) {
        try {
          await prepare()
          trouble = null
          break
        } catch (error) {
          if (beyondWaiting(error)) throw error
          trouble = (error as Error).message
          log.warn({ err: error }, 'the topics between the stages are not there yet')
          await sleep(TOPICS_RETRY, undefined, { signal: stopping.signal }).catch(() => {})
          if (stopping.signal.aborted) return
        }
      }
      if (ingest) idling = idle(ingest)
      await Promise.all(roles.map((each) => each.start(around)))
    },
    async stop() {
      stopping.abort()
      // The state is saved before the group is left: who takes over finds it. What does not answer must not keep the partitions.
      const well = roles.every(({ source }) => source.problem() === null)
      for (const { source } of roles) source.pause()
      const resting = roles.map((each) =>
        each.rest().catch((error) => log.warn({ err: error }, 'a state was not saved; who goes on reads the log again')),
      )
      await Promise.race([Promise.all(resting), sleep(well ? REST_PATIENCE : 0, undefined, { ref: false })])
      await Promise.all(roles.map(({ source }) => source.stop()))
      deciding(false)
      await idling
      await Promise.all([publisher.close(), claims.close()])
    },
  }
}

/** What keeps a process from sharing its work with others, for who reads the log. */
function aloneIn({ store, identity }: Config): string[] {
  return [
    ...(store.url === undefined ? ['without store.url the store is in the data folder'] : []),
    ...(identity.hash && identity.key === undefined
      ? ['without identity.key the names of principals are made with a key in the data folder']
      : []),
  ]
}

/** Whether an error at the beginning is none of brokers that are away: credentials refused, unreadable files, topics of another shape. */
function beyondWaiting(error: unknown): boolean {
  if (errorCode(error) === 'TW_STAGE_TOPIC_MISMATCH') return true
  const names: string[] = []
  for (let at = error; at instanceof Error; at = at.cause) names.push(at.name)
  return names.some((name) => name.startsWith('KafkaJSSASL')) || !names.some((name) => name.startsWith('KafkaJS'))
}
