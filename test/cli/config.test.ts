import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { configCommand } from '../../src/cli/config.ts'

let folder: string
let output: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidewatch-cli-config-'))
  output = ''
  vi.spyOn(process, 'cwd').mockReturnValue(folder)
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    output += String(text)
    return true
  })
})

afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

const run = (...args: string[]) => configCommand().exitOverride().parseAsync(args, { from: 'user' })

describe('tidewatch config', () => {
  it('check accepts no file at all, tidewatch.yaml of the folder, and the file that is named', async () => {
    await run('check')
    expect(output).toBe('no configuration file, the defaults: valid\n')
    writeFileSync(join(folder, 'tidewatch.yaml'), 'sead: 1')
    await expect(run('check')).rejects.toThrow('tidewatch.yaml:1:1: sead: unknown key; did you mean `seed`?')
    writeFileSync(join(folder, 'other.yaml'), 'seed: 2')
    output = ''
    await run('check', '--config', join(folder, 'other.yaml'))
    expect(output).toMatch(/other\.yaml: valid\n$/)
  })

  it('show prints what is in force, and from where', async () => {
    writeFileSync(join(folder, 'tidewatch.yaml'), 'server: { port: 9999 }')
    await run('show')
    expect(output).toContain('groupId: tidewatch\n')
    expect(output).toMatch(/port: 9999 # .*tidewatch\.yaml:1\n/)
  })

  it('schema prints a JSON Schema that names every section', async () => {
    await run('schema')
    const schema = JSON.parse(output)
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema')
    expect(Object.keys(schema.properties)).toContain('webhooks')
    expect(schema.required ?? []).toEqual([])
  })
})
