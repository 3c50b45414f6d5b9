import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, it, onTestFinished } from 'vitest'

const main = join(import.meta.dirname, '../../src/cli/main.ts')

it('`demo --exit` shows the attack with its evidence, the webhook and the rows within two minutes, ends with code 0, and leaves nothing', async () => {
  const temporary = await mkdtemp(join(tmpdir(), 'tidewatch-demo-test-'))
  onTestFinished(() => rm(temporary, { recursive: true, force: true }))
  const started = performance.now()
  const child = spawn(process.execPath, ['--import', 'tsx', main, 'demo', '--exit', '--port', '0'], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [told, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  expect(told).toMatch(/\d+ calls of the past days are learned; (no alert|\d alerts about others)/)
  const attacker = /live: (\S+) begins to copy the model/.exec(told)?.[1]
  expect(told).toContain(`  principal ${attacker} asks far more different things than the others`)
  // Which of the two paces goes beyond first is up to the traffic, whose days end now; lines are wrapped.
  expect(told.replace(/\s+/g, ' ')).toMatch(
    / evidence \d+ new (inputs|parts of the input space) within about an hour, where \d+ is the usual highest; /,
  )
  expect(told).toMatch(/WEBHOOK received, id alert_\w+, signature verified/)
  expect(told).toMatch(/STORED \d{4,} calls and [1-9]\d* alerts in the embedded store/)
  expect(told).not.toContain('FAILED')
  expect(code).toBe(0)
  expect(performance.now() - started).toBeLessThan(120_000)
  expect((await readdir(temporary)).filter((name) => name.startsWith('tidewatch-demo-'))).toEqual([])
}, 180_000)
