import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { Claim } from '../../src/stages/claims.ts'
import { fileClaims } from '../../src/stages/file-claims.ts'

const claim: Claim = { topic: 'a/b', epoch: 'e', partition: 3, first: 5, last: 9, salt: 'group|0123', format: 1 }

async function folder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tw-claims-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

it('a claim is there for the next process, the newest one of its partition', async () => {
  const directory = await folder()
  expect(await fileClaims(directory).latest('a/b', 'e', 3)).toBeNull()
  await fileClaims(directory).claim(claim)
  await fileClaims(directory).claim({ ...claim, partition: 4 })
  await fileClaims(directory).claim({ ...claim, first: 10, last: 12 })
  expect(await fileClaims(directory).latest('a/b', 'e', 3)).toEqual({ ...claim, first: 10, last: 12 })
  expect(await fileClaims(directory).latest('a/b', 'e', 4)).toEqual({ ...claim, partition: 4 })
  expect(await fileClaims(directory).latest('a/b', 'another epoch', 3)).toBeNull()
})

it('a claim that a crash left half written does not hide the one before', async () => {
  const directory = await folder()
  await fileClaims(directory).claim(claim)
  const [name] = await readdir(directory)
  await writeFile(join(directory, `${name}.new`), '123 {"topic"')
  expect(await fileClaims(directory).latest('a/b', 'e', 3)).toEqual(claim)
})

it('a damaged claim is an error: to go on without it could count rows twice', async () => {
  const directory = await folder()
  await fileClaims(directory).claim(claim)
  const path = join(directory, (await readdir(directory))[0]!)
  const text = await readFile(path, 'utf8')
  for (const damaged of [text.replace('"last":9', '"last":8'), text.slice(0, -3), '']) {
    await writeFile(path, damaged)
    await expect(fileClaims(directory).latest('a/b', 'e', 3)).rejects.toMatchObject({ code: 'TW_JOURNAL_CORRUPT' })
  }
})
