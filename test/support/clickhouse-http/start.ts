import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Fault } from './faults.ts'
import type { Call } from './process.ts'

const entry = fileURLToPath(new URL('./process.ts', import.meta.url))
const root = fileURLToPath(new URL('../../../', import.meta.url))

/** A ClickHouse server for tests: chDB behind ClickHouse's HTTP interface, in a process of its own, with faults on demand. */
export interface TestServer {
  readonly url: string
  /** The next fitting requests meet this fault. */
  fault(fault: Fault): Promise<void>
  /** Takes back all faults that were not used up. */
  clearFaults(): Promise<void>
  /** Requests that faults still wait for; 0: every fault has struck. */
  faultsLeft(): Promise<number>
  /** Refuses connections, and cuts those that are open. */
  down(): Promise<void>
  /** Answers again, on the same port. */
  up(): Promise<void>
  /** SIGKILL and a new process over the same data, on the same port. */
  crash(): Promise<void>
  stop(): Promise<void>
}

/** Starts it over an empty folder, on a free port. */
export async function startClickHouse(): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), 'tidewatch-clickhouse-'))
  let running = await launch(directory)
  const port = (await running.ask({ call: 'listen', port: 0 })) as number
  return {
    url: `http://127.0.0.1:${port}`,
    async fault(fault) {
      await running.ask({ call: 'fault', fault })
    },
    async clearFaults() {
      await running.ask({ call: 'clear' })
    },
    async faultsLeft() {
      return (await running.ask({ call: 'left' })) as number
    },
    async down() {
      await running.ask({ call: 'stopListening' })
    },
    async up() {
      await running.ask({ call: 'listen', port })
    },
    async crash() {
      await running.end('SIGKILL')
      running = await launch(directory)
      await running.ask({ call: 'listen', port })
    },
    async stop() {
      await running.end('SIGKILL')
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function launch(directory: string) {
  const child = fork(entry, [directory], { cwd: root, execArgv: ['--import', 'tsx'] })
  const answers = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  const ready = new Promise<unknown>((resolve, reject) => answers.set(0, { resolve, reject }))
  child.on('message', ({ id, result, error }: { id: number; result?: unknown; error?: string }) => {
    const waiting = answers.get(id)
    answers.delete(id)
    if (error === undefined) waiting?.resolve(result)
    else waiting?.reject(new Error(error))
  })
  child.on('exit', (code, signal) => {
    for (const waiting of answers.values()) waiting.reject(new Error(`the test server ended (${code ?? signal})`))
    answers.clear()
  })
  await ready
  let calls = 0
  return {
    ask(call: Call): Promise<unknown> {
      const id = ++calls
      return new Promise((resolve, reject) => {
        answers.set(id, { resolve, reject })
        child.send({ id, ...call })
      })
    },
    end: (signal: NodeJS.Signals) => end(child, signal),
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}
