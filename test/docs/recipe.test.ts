import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'

const root = join(import.meta.dirname, '..', '..')

it('a newcomer who follows CONTRIBUTING.md has a detector that passes the conformance suite', async () => {
  const project = await mkdtemp(join(tmpdir(), 'tidewatch-recipe-'))
  onTestFinished(() => rm(project, { recursive: true, force: true }))
  for (const part of ['src', 'detectors', 'test', 'docs', 'scripts', 'package.json', 'tsconfig.json'])
    await cp(join(root, part), join(project, part), { recursive: true })
  await symlink(join(root, 'node_modules'), join(project, 'node_modules'))
  // No broker is needed here.
  await writeFile(join(project, 'vitest.config.ts'), 'export default { test: { testTimeout: 60_000 } }\n')

  const recipe = await readFile(join(root, 'CONTRIBUTING.md'), 'utf8')
  const [, path, code] = /```ts (\S+)\n(.*?)```/s.exec(recipe)!
  await writeFile(join(project, path!), code!)
  const registry = join(project, 'src', 'detection', 'registry.ts')
  const listed = (await readFile(registry, 'utf8'))
    .replace(/^/, `import { failedCalls } from '../../${path}'\n`)
    .replace('export const detectors: readonly DetectorDefinition[] = [', '$&\n  failedCalls as DetectorDefinition,')
  await writeFile(registry, listed)

  const [, commands] = /```sh\n(npm run docs\n.*?)```/s.exec(recipe)!
  for (const command of commands!.trim().split('\n')) {
    const [program, ...args] = command.split(' ')
    const { stdout } = await promisify(execFile)(program!, args, { cwd: project, env: { ...process.env, NO_COLOR: '1', CI: '' } })
    if (args.includes('vitest')) expect(stdout).toMatch(/Tests +\d+ passed/)
  }
  expect(await readFile(join(project, 'docs', 'detectors', 'reference.md'), 'utf8')).toContain('## failed-calls')
}, 180_000)
