import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { parseConfig } from '../../src/config/load.ts'

const root = join(import.meta.dirname, '..', '..')
const text = (path: string) => readFileSync(join(root, path), 'utf8')

interface Service {
  readonly image: string
  readonly build?: { readonly dockerfile: string }
  readonly environment?: Readonly<Record<string, string | number>>
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly healthcheck: { readonly test?: readonly string[]; readonly disable?: boolean }
}

const compose = parse(text('docker-compose.yml')) as { services: Record<string, Service> }
const services = Object.entries(compose.services)
const variables = [...new Set([...text('docker-compose.yml').matchAll(/\$\{(\w+)/g)].map(([, name]) => name))]
const filled = Object.fromEntries(variables.map((name) => [name, Buffer.alloc(32, 7).toString('base64')]))

describe('docker-compose.yml', () => {
  it.each(services)('%s is pinned, says how it is, and is published on loopback only', (_, service) => {
    if (!service.image.startsWith('tidewatch:')) expect(service.image).toMatch(/^[\w/.-]+:\d+(\.\d+)+$/)
    expect(service.healthcheck.test !== undefined || service.healthcheck.disable).toBe(true)
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/)
    for (const volume of (service.volumes ?? []).filter((volume) => volume.startsWith('./'))) {
      expect(existsSync(join(root, volume.split(':')[0])), volume).toBe(true)
    }
  })

  it('has no passwords of its own: each must be set, or it says what to do', () => {
    for (const [name, service] of services) {
      for (const [key, value] of Object.entries(service.environment ?? {})) {
        if (/PASSWORD|TOKEN|KEY$|SECRET/.test(key)) expect(value, `${name}.${key}`).toMatch(/^\$\{\w+:\?.+\}$/)
      }
    }
  })

  it('gets every variable from deploy/make-env.sh', () => {
    const made = [...text('deploy/make-env.sh').matchAll(/^(\w+)=\$\(/gm)].map(([, name]) => name)
    expect(made.toSorted()).toEqual(variables.toSorted())
  })

  it('gives Tidewatch a configuration that holds', () => {
    const { config } = parseConfig(text('deploy/tidewatch.yaml'), 'deploy/tidewatch.yaml', filled)
    expect(config.kafka.brokers).toEqual(['kafka:9092'])
    expect(config.server.tokens).toHaveLength(1)
    const passed = Object.keys(compose.services.tidewatch.environment ?? {})
    const used = [...text('deploy/tidewatch.yaml').matchAll(/^[^#\n]*\$\{(\w+)/gm)].map(([, name]) => name)
    expect(used.filter((name) => !passed.includes(name))).toEqual([])
  })

  const client = [['docker', 'compose'], ['docker-compose']].find(
    ([program, ...args]) => spawnSync(program, [...args, 'version'], { stdio: 'ignore' }).status === 0,
  )

  it.skipIf(client === undefined)('is accepted by the compose client, and refused without passwords', () => {
    const [program, ...args] = client as string[]
    const config = (env: Record<string, string>) =>
      spawnSync(program, [...args, '--env-file', '/dev/null', '--profile', 'demo', 'config', '--quiet'], {
        cwd: root,
        env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
        encoding: 'utf8',
      })
    expect(config(filled)).toMatchObject({ status: 0 })
    const refused = config({})
    expect(refused.status).not.toBe(0)
    expect(refused.stderr).toContain('deploy/make-env.sh')
  })
})

describe('deploy/make-env.sh', () => {
  it('makes secrets that are long, differ, and are readable by their owner only; a second run keeps them', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidewatch-env-'))
    try {
      execFileSync('mkdir', [join(folder, 'deploy')])
      execFileSync('cp', [join(root, 'deploy/make-env.sh'), join(folder, 'deploy')])
      const run = () => execFileSync('bash', [join(folder, 'deploy/make-env.sh')], { stdio: 'pipe' })
      run()
      const made = readFileSync(join(folder, '.env'), 'utf8')
      const values = [...made.matchAll(/^\w+=(.+)$/gm)].map(([, value]) => value)
      expect(new Set(values).size).toBe(variables.length)
      for (const value of values) expect(value.length).toBeGreaterThanOrEqual(40)
      expect(execFileSync('stat', ['-c', '%a', join(folder, '.env')], { encoding: 'utf8' }).trim()).toBe('600')
      run()
      expect(readFileSync(join(folder, '.env'), 'utf8')).toBe(made)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
