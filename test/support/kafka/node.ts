import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { cp, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { KafkaRuntime } from './runtime.ts'
import { scramArguments } from './security.ts'
import { type NodePlan, serverProperties } from './server-properties.ts'

const run = promisify(execFile)
const here = fileURLToPath(new URL('.', import.meta.url))
const CLUSTER_ID = 'dGlkZXdhdGNoLXRlc3RzMQ'

const JVM = ['-Xms64m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData', '-Xshare:auto']

/**
 * Ends the broker and removes its folder when the pipe on its standard input closes, that is when the test process ends,
 * however it ended. Prints the broker's process id first.
 */
const WATCHDOG = `exec 3<&0
"$@" </dev/null 3<&- &
broker=$!
echo $broker
{ cat <&3; trap "" TERM; kill -9 $broker; [ -z "$TIDEWATCH_TEST_CONTAINER" ] || docker kill "$TIDEWATCH_TEST_CONTAINER"; sleep 0.2; rm -rf "$TIDEWATCH_TEST_FOLDER"; rmdir "$(dirname "$TIDEWATCH_TEST_FOLDER")"; } >/dev/null 2>&1 &
watcher=$!
wait $broker
code=$?
kill $watcher 2>/dev/null
exit $code`

/** Formatting takes a JVM of its own; its few small files are the same for every run and are kept. */
async function format(runtime: KafkaRuntime, plan: NodePlan): Promise<void> {
  const data = join(plan.folder, 'data')
  const template = join(runtime.cache, `storage-${plan.id}`)
  try {
    await cp(template, data, { recursive: true, errorOnExist: true })
    return
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const java = [
    ...JVM,
    '-cp',
    runtime.classpath,
    'kafka.tools.StorageTool',
    'format',
    '-t',
    CLUSTER_ID,
    ...scramArguments,
    '-c',
    join(plan.folder, 'server.properties'),
  ]
  const [command, ...args] = runtime.command(`tidewatch-format-${process.pid}-${plan.id}`, plan.folder, java)
  await run(command!, args)
  const fresh = `${template}.${process.pid}`
  await cp(data, fresh, { recursive: true })
  await rename(fresh, template).catch(() => rm(fresh, { recursive: true, force: true }))
}

function portOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** One Kafka node, broker and controller in one process. */
export class KafkaNode {
  readonly plan: NodePlan
  private readonly runtime: KafkaRuntime
  private readonly container: string
  private process: ChildProcess | null = null
  private pid = 0
  private exited: Promise<void> = Promise.resolve()

  private constructor(runtime: KafkaRuntime, plan: NodePlan) {
    this.runtime = runtime
    this.plan = plan
    this.container = `tidewatch-kafka-${process.pid}-${plan.port}`
  }

  static async create(runtime: KafkaRuntime, plan: NodePlan): Promise<KafkaNode> {
    await mkdir(plan.folder, { recursive: true })
    await writeFile(join(plan.folder, 'server.properties'), serverProperties(plan))
    await format(runtime, plan)
    return new KafkaNode(runtime, plan)
  }

  get address(): string {
    return `127.0.0.1:${this.plan.port}`
  }

  /** Starts the process and resolves when it accepts clients. Rejects with the end of its output when it ends before. */
  async start(): Promise<void> {
    const output = await open(join(this.plan.folder, 'output.log'), 'a')
    const java = [
      ...JVM,
      `-Dlog4j2.configurationFile=${join(here, 'log4j2.properties')}`,
      '-cp',
      this.runtime.classpath,
      'kafka.Kafka',
      join(this.plan.folder, 'server.properties'),
    ]
    const command = this.runtime.command(this.container, this.plan.folder, java)
    const child = spawn('sh', ['-c', WATCHDOG, 'watchdog', ...command], {
      stdio: ['pipe', 'pipe', output.fd],
      env: {
        ...process.env,
        TIDEWATCH_TEST_FOLDER: this.plan.folder,
        TIDEWATCH_TEST_CONTAINER: this.runtime.kind === 'container' ? this.container : '',
      },
    })
    this.process = child
    child.stdin!.on('error', () => {})
    let ended = false
    this.exited = new Promise((resolve) => {
      child.once('exit', () => {
        ended = true
        child.stdin!.destroy()
        resolve()
      })
    })
    this.pid = await new Promise((resolve) => {
      child.stdout!.once('data', (line) => resolve(Number.parseInt(String(line), 10)))
    })
    child.stdout!.on('data', (text) => void output.appendFile(text).catch(() => {}))
    void this.exited.then(() => output.close())
    for (const end = Date.now() + 60_000; !(await portOpen(this.plan.port)); await new Promise((resolve) => setTimeout(resolve, 50))) {
      if (ended || Date.now() > end) {
        const text = await readFile(join(this.plan.folder, 'output.log'), 'utf8')
        throw new Error(`Kafka node ${this.plan.id} did not start:\n${text.slice(-4000)}`)
      }
    }
  }

  /** SIGKILL: no shutdown, no flush, no goodbye to the controller. */
  async kill(): Promise<void> {
    if (!this.process) return
    this.signal('SIGKILL')
    await this.runtime.killContainer(this.container)
    await this.exited
    this.process = null
  }

  /** SIGTERM: an orderly shutdown. */
  async shutdown(): Promise<void> {
    if (!this.process) return
    this.signal('SIGTERM')
    await this.exited
    this.process = null
  }

  /** Stops the process where it is, or lets it go on: a broker that is there and does not answer. */
  suspend(): void {
    this.signal('SIGSTOP')
  }

  continue(): void {
    this.signal('SIGCONT')
  }

  private signal(signal: NodeJS.Signals): void {
    try {
      process.kill(this.pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}
