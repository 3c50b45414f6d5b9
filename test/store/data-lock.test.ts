import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { dataHolder, lockData } from '../../src/store/data-lock.ts'

async function folder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tw-lock-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A process that takes the folder and holds it until it is killed. */
async function holderOf(directory: string): Promise<{ pid: number; kill(): Promise<void> }> {
  const script = `
    import { lockData } from './src/store/data-lock.ts'
    const lock = await lockData(${JSON.stringify(directory)})
    await lock.publish('http://127.0.0.1:1')
    console.log('held')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return {
    pid: child.pid!,
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

it('is for one process at a time, and names the one that has it', async () => {
  const directory = await folder()
  const holder = await holderOf(directory)
  await expect(lockData(directory)).rejects.toMatchObject({
    code: 'TW_STORE_BUSY',
    message: expect.stringContaining(`process ${holder.pid} has ${directory}; its API is http://127.0.0.1:1`),
  })
  expect(await dataHolder(directory)).toMatchObject({ pid: holder.pid, api: 'http://127.0.0.1:1' })
})

it('is free again after the holder was killed', async () => {
  const directory = await folder()
  const holder = await holderOf(directory)
  await holder.kill()
  expect(await dataHolder(directory)).toBeNull()
  const lock = await lockData(directory)
  expect(await dataHolder(directory)).toMatchObject({ pid: process.pid, api: null })
  await lock.release()
  await lock.release()
  expect(await readdir(directory)).toEqual([])
})

it('does not take another process of the same number for the holder, nor a torn file for a lock', async () => {
  const directory = await folder()
  const lock = await lockData(directory)
  const path = join(directory, 'lock.json')
  await expect(lockData(directory)).rejects.toMatchObject({ code: 'TW_STORE_BUSY' })
  const text = await readFile(path, 'utf8')
  await lock.release()
  for (const stale of [text.replace(/"started":"[^"]*"/, '"started":"long ago"'), '{"pid":']) {
    await writeFile(path, stale)
    await (await lockData(directory)).release()
  }
})

it('goes to one of many that come at once over a stale lock, also where one died while it took the lock away', async () => {
  const stale = '{"pid":999999,"started":"","api":null}\n'
  const removal = `lock.json.${createHash('sha256').update(stale).digest('hex').slice(0, 12)}`
  for (let round = 0; round < 40; round++) {
    const directory = await folder()
    await writeFile(join(directory, 'lock.json'), stale)
    if (round % 2 === 1) await writeFile(join(directory, removal), '{"pid":999998,"started":"","api":null}\n')
    const attempts = await Promise.allSettled(Array.from({ length: 16 }, () => lockData(directory)))
    const taken = attempts.filter((attempt) => attempt.status === 'fulfilled')
    expect(taken).toHaveLength(1)
    await taken[0]!.value.release()
    expect(await readdir(directory)).toEqual([])
  }
})
