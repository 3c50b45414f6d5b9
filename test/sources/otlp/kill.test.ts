import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { journalScratch } from '../journal/scratch.ts'
import { tracesRequest } from './support.ts'

const scratch = journalScratch()
const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

async function startReceiver(directory: string, fsync: string): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'receiver-process.ts'), directory, fsync], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const [line] = await once(child.stdout!, 'data')
  return { child, port: Number(line) }
}

it.each(['interval', 'always'])(
  'nothing that was answered with success is lost when the process is killed (fsync %s)',
  async (fsync) => {
    const directory = await scratch.directory()
    const acknowledged: string[] = []
    let serial = 0
    for (let life = 0; life < 2; life++) {
      const { child, port } = await startReceiver(directory, fsync)
      const exited = once(child, 'exit')
      const goal = acknowledged.length + 200
      const sender = async () => {
        for (;;) {
          const name = `span ${serial++}`
          try {
            const body = tracesRequest(name) as never
            const headers = { 'content-type': 'application/x-protobuf' }
            const response = await fetch(`http://127.0.0.1:${port}/v1/traces`, { method: 'POST', body, headers })
            await response.arrayBuffer()
            if (response.status === 200) acknowledged.push(name)
          } catch {
            return
          }
          if (acknowledged.length === goal) child.kill('SIGKILL')
        }
      }
      await Promise.all(Array.from({ length: 16 }, sender))
      await exited
      expect(acknowledged.length).toBeGreaterThanOrEqual(goal)
    }

    const journal = await scratch.open(directory)
    const kept = new Set<string>()
    for (let at = 0; ; ) {
      const { records, next } = await journal.read(at, { maxBytes: 1e6, maxRecords: 1000 })
      if (next === at) break
      for (const { value } of records)
        kept.add(
          Buffer.from(value)
            .toString('latin1')
            .match(/span \d+/)![0],
        )
      at = next
    }
    expect(acknowledged.filter((name) => !kept.has(name))).toEqual([])
    expect(new Set(acknowledged).size).toBe(acknowledged.length)
    expect(scratch.damages.filter((damage) => damage.kind === 'records')).toEqual([])
  },
  90_000,
)
