import { join } from 'node:path'
import type { Logger } from 'pino'
import { configHash } from '../config/hash.ts'
import type { Config } from '../config/schema.ts'
import { showConfig } from '../config/show.ts'
import { Dispatcher } from '../delivery/dispatcher.ts'
import { deliveryRows } from '../delivery/outbox.ts'
import { lostRecordsAlert } from '../delivery/own-alert.ts'
import { Sender } from '../delivery/sender.ts'
import { startObservability } from '../observability/otel.ts'
import { traceBatch } from '../observability/spans.ts'
import { createServer } from '../server/app.ts'
import type { PipelineStatus, Problem } from '../server/deps.ts'
import { detectorSummaries } from '../server/detector-summaries.ts'
import { AlertFeed } from '../server/feed.ts'
import type { BatchHandler } from '../sources/source.ts'
import { lockData } from '../store/data-lock.ts'
import { FORMAT_VERSION } from '../store/insert.ts'
import { openStore } from '../store/open.ts'
import { batchRows } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import { unstored } from '../store/unstored.ts'
import { actionHeaders, openActionKey } from './action-record.ts'
import { backUp } from './backup.ts'
import { Checkpointing } from './checkpointing.ts'
import { DiskWatch } from './disk-watch.ts'
import { fileClaims } from './file-claims.ts'
import { Gate } from './gate.ts'
import { type Inlets, openInlets } from './inlets.ts'
import { kafkaStages } from './kafka/stages.ts'
import { openMapper, openPseudonym } from './mapper.ts'
import { oneLog } from './one-log.ts'
import { countBy, type Outcome } from './outcome.ts'
import { PoisonGuard } from './poison.ts'
import { noDecisions, type Shared } from './processing.ts'
import { replayHeaders } from './replay-record.ts'
import { Stages } from './stages.ts'

export interface InstanceOptions {
  readonly log: Logger
  readonly version: string
}

/** Addresses that people and machines use, as they were bound (a port of 0 takes a free one). */
export interface Addresses {
  /** API and console. */
  readonly api: string
  readonly otlpHttp: string | null
  readonly otlpGrpc: string | null
}

/** A running Tidewatch: sources, the three stages, store, webhooks and server. */
export interface Instance {
  readonly addresses: Addresses
  readonly alerts: AlertFeed
  readonly store: Store
  /** Resolves when a part failed in a way that waiting does not mend (credentials refused); never otherwise. */
  readonly failed: Promise<Error>
  status(): PipelineStatus
  /** Resolves once everything that was accepted so far is stored. */
  drained(): Promise<void>
  /** Takes in no more, drains, commits, ends. Idempotent. */
  stop(): Promise<void>
}

/** Starts everything that the configuration asks for. Rejects, with all that was begun ended again, where a part cannot start. */
export async function startInstance(config: Config, { log, version }: InstanceOptions): Promise<Instance> {
  const closers: (() => Promise<unknown>)[] = []
  const stopAll = async () => {
    for (const close of closers.splice(0).reverse())
      await close().catch((error) => log.error({ err: error }, 'a part did not stop cleanly'))
  }
  try {
    return await start(config, log, version, closers, stopAll)
  } catch (error) {
    await stopAll()
    throw error
  }
}

async function start(
  config: Config,
  log: Logger,
  version: string,
  closers: (() => Promise<unknown>)[],
  stopAll: () => Promise<void>,
): Promise<Instance> {
  const lock = await lockData(config.data.directory)
  closers.push(() => lock.release())
  const observability = await startObservability(version)
  closers.push(() => observability.shutdown())
  const { metrics } = observability

  const storeLog = log.child({ component: 'store' })
  const salt = `${config.kafka.groupId}|${configHash(config)}`
  const store = await openStore(config, salt, (error) =>
    storeLog.warn({ err: error }, 'the store does not take a batch; it is tried again'),
  )
  closers.push(() => store.close())
  await store.migrate()
  await store.proveDeduplication()

  const alerts = new AlertFeed()
  const webhookLog = log.child({ component: 'webhooks' })
  const sender = new Sender({
    createDispatcher: () =>
      new Dispatcher({
        store,
        webhooks: config.webhooks,
        allowNetworks: config.delivery.allowNetworks,
        pageWithin: config.delivery.pageWithin,
        log: webhookLog,
        count: (target, outcome) => metrics.webhookDeliveries.add(1, { target, outcome }),
      }),
    store,
    onTrouble: (error) => webhookLog.warn({ err: error }, 'the outbox cannot be read or written'),
  })
  closers.push(() => sender.stop())
  metrics.webhooksWaiting.observe(() => sender.states().map(({ target, waiting }) => ({ value: waiting, attributes: { target } })))

  const counts = { records: 0, events: 0, alerts: 0, deadLetters: 0 }
  const giveUp = new AbortController()
  const mapper = await openMapper(config)
  const pseudonym = await openPseudonym(config)
  const actionKey = await openActionKey(config)
  const shared: Shared = {
    guard: new PoisonGuard(config.deadLetters.maxShare, config.deadLetters.maxRun),
    base: { salt, format: FORMAT_VERSION },
    stored: async (topic, epoch, partition) => (await store.lastRange(topic, epoch, partition))?.last ?? null,
    onHole: (topic, partition, from, to) =>
      log.warn(
        { topic, partition, from, to },
        'the log no longer holds all that the saved state goes on from; references lack what lay between',
      ),
    write: async ({ range, base, outcome, resumed, checkpoint }) => {
      const started = performance.now()
      const deliveries = deliveryRows(outcome.alerts, config.webhooks)
      const formed = { ...batchRows({ ...outcome, deliveries }), checkpoints: checkpoint }
      const rows = resumed ? await unstored(store, { range, rows: formed }) : formed
      await store.write({ range, base, rows }, giveUp.signal)
      metrics.storeWriteDuration.record((performance.now() - started) / 1000)
    },
    written: ({ records, outcome }) => {
      counts.records += records
      counts.events += outcome.events.length
      counts.alerts += outcome.alerts.length
      counts.deadLetters += outcome.deadLetters.length
      measure(outcome)
      sender.notify(deliveryRows(outcome.alerts, config.webhooks))
      alerts.publish(outcome.alerts)
    },
  }

  const measure = (outcome: Outcome) => {
    // Once a range, not once an event: a counter looks its attributes up at every call.
    for (const [kind, amount] of Object.entries(countBy(outcome.events, (event) => event.kind))) metrics.events.add(amount, { kind })
    for (const [code, amount] of Object.entries(countBy(outcome.deadLetters, (letter) => letter.code)))
      metrics.deadLetters.add(amount, { code })
    for (const { detector, status } of outcome.alerts) metrics.alerts.add(1, { detector, status })
    for (const [reason, amount] of Object.entries(outcome.clamped)) metrics.clamped.add(amount, { reason })
    for (const [reason, amount] of Object.entries(outcome.ignored)) metrics.ignored.add(amount, { reason })
  }

  const checkpoints = openCheckpoints(config, store, log)
  const inlets: Inlets = await openInlets(config, log, metrics, () => checkpoints.lowWater)
  closers.push(() => inlets.close())
  const processing = inlets.journal
    ? oneLog({
        source: inlets.journal,
        createStages: () => new Stages(config, mapper, actionKey),
        claims: fileClaims(join(config.data.directory, 'journal')),
        checkpoints,
        shared,
        log,
      })
    : kafkaStages({
        config,
        mapper,
        key: actionKey,
        shared,
        createCheckpointing: () => openCheckpoints(config, store, log),
        log: log.child({ component: 'kafka' }),
        onGap: (gap) => {
          metrics.gaps.add(gap.records ?? 0, { topic: gap.topic })
          const rows = deliveryRows([lostRecordsAlert(gap, Date.now())], config.webhooks)
          sender.leave(rows)
        },
        deciding: (here) => sender.own(here),
      })
  if (inlets.journal) sender.own(true)
  closers.push(async () => {
    // A store that does not answer must not keep the process: what is not written is processed again after the start.
    const patience = setTimeout(() => giveUp.abort(), STORE_PATIENCE)
    await processing.stop()
    clearTimeout(patience)
  })

  const gate = new Gate()
  const disk = new DiskWatch({
    ...config.data,
    store: config.store.url === undefined ? store : null,
    webhooks: config.webhooks,
    beside: (work) => gate.pass(work),
    pause: (stopped) => {
      for (const source of processing.sources) stopped ? source.pause() : source.resume()
    },
    onDropped: ({ table, bytes }) => metrics.dataDropped.add(bytes, { table }),
    log: log.child({ component: 'disk' }),
  })
  metrics.dataSize.observe(() => (disk.bytes === null ? [] : [{ value: disk.bytes, attributes: {} }]))
  await disk.start()
  closers.push(() => disk.stop())
  const around =
    (handle: BatchHandler): BatchHandler =>
    async (batch, context) => {
      const { topic, partition } = batch
      const started = performance.now()
      const group = config.kafka.brokers.length > 0 ? config.kafka.groupId : null
      await traceBatch({ destination: topic, partition, first: batch.first, messages: batch.records.length, group }, () =>
        gate.pass(() => handle(batch, context)),
      )
      metrics.recordsReceived.add(batch.records.length, { topic })
      metrics.batches.add(1, { topic })
      metrics.batchDuration.record((performance.now() - started) / 1000, { topic })
    }

  let lag: PipelineStatus['lag'] = []
  const readLag = async () => {
    lag = (await Promise.all(processing.sources.map((source) => source.lag().catch(() => [])))).flat()
    return lag.map(({ topic, partition, records }) => ({ value: records, attributes: { topic, partition } }))
  }
  metrics.lag.observe(readLag)
  const lagTimer = setInterval(() => void readLag(), 2000)
  closers.push(async () => clearInterval(lagTimer))

  const problems = (): Problem[] => {
    const found: Problem[] = []
    const storeProblem = store.problem()
    if (storeProblem) found.push({ component: 'store', reason: storeProblem, blocking: true })
    for (const source of processing.sources) {
      const reason = source.problem()
      if (reason) found.push({ component: source.name, reason, blocking: true })
    }
    const stageProblem = processing.problem()
    if (stageProblem) found.push({ component: 'kafka', reason: stageProblem, blocking: true })
    for (const reason of inlets.problems()) found.push({ component: 'otlp', reason, blocking: true })
    return [...found, ...disk.problems()]
  }
  const status = (): PipelineStatus => ({ ...counts, watermark: processing.watermark, lag, problems: problems() })

  const server = createServer(
    config.server,
    {
      version,
      store,
      status,
      alerts,
      decisions: () => processing.decisions() ?? { ...noDecisions(config), elsewhere: true },
      detectors: detectorSummaries(config.decisions.disabled),
      inputs: () => inlets.descriptions(),
      webhooks: () => sender.states(),
      receivers: config.webhooks,
      testWebhook: (name) => sender.test(name),
      replayWebhooks: (selection) => sender.replay(selection),
      act: (action) => inlets.act(actionHeaders(action, actionKey)),
      resend: ({ letter, signal, value }) => inlets.resend(replayHeaders(letter, actionKey), { signal, value, key: letter }),
      backup: (directory) => backUp(directory, { store, data: config.data.directory, version, quiet: (work) => gate.alone(work) }),
      pseudonym,
      settings: () => showConfig({ config, places: new Map() }, null),
      metrics: () => observability.prometheus(),
    },
    log.child({ component: 'server' }),
  )
  const api = await server.listen()
  await lock.publish(api)
  closers.push(() => server.close())

  let fail!: (error: Error) => void
  const failed = new Promise<Error>((resolve) => {
    fail = resolve
  })
  const starting = processing.start(around)
  // Brokers that are away make the stages wait, not the instance: readiness tells it. What rejects is beyond waiting.
  if (inlets.journal) await starting
  else starting.catch(fail)
  for (const source of processing.sources)
    source.ended.catch((error) => log.error({ err: error, source: source.name }, 'a source stopped for good; nothing more is read from it'))
  // Members that do not ingest have no doors: who sends to one of them would not know that it is read by others.
  if (config.stages.includes('ingest')) await inlets.listen()
  // Last in, first out: nothing new is accepted while the rest drains.
  closers.push(() => inlets.closeDoors())

  let stopping: Promise<void> | null = null
  return {
    addresses: { api, ...inlets.addresses() },
    alerts,
    store,
    failed,
    status,
    drained: async () => {
      while ((await readLag()).some(({ value }) => value > 0)) await new Promise((resolve) => setTimeout(resolve, 50))
    },
    stop: () => {
      stopping ??= stopAll()
      return stopping
    },
  }
}

/** Milliseconds that a stop waits for a store that does not answer. */
const STORE_PATIENCE = 4000

function openCheckpoints(config: Config, store: Store, log: Logger): Checkpointing {
  const { records, bytes, eventTime } = config.state.checkpointEvery
  // The journal keeps what two checkpoints lie apart, and must have room for more; what Kafka keeps is bound by time.
  const kafka = config.kafka.brokers.length > 0
  const mostBytes = kafka ? bytes : config.journal.maxBytes / 8
  const appendTime = kafka ? config.kafka.stageRetention / 7 : Number.POSITIVE_INFINITY
  return new Checkpointing({
    store,
    group: config.kafka.groupId,
    policy: { records, bytes: Math.min(bytes, mostBytes), eventTime, mostBytes, appendTime },
    onUnusable: (error) => log.warn({ err: error }, 'saved state cannot be used; it is rebuilt from what the log still holds'),
  })
}
