import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseSecret, sign } from '../../src/delivery/standard-webhooks.ts'

const page = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8')
const block = (language: string) => new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(page)![1]!

const secret = `whsec_${randomBytes(32).toString('base64')}`
const body = '{"title":"ümläut"}'
const now = Math.floor(Date.now() / 1000)
const other = parseSecret(`whsec_${randomBytes(32).toString('base64')}`)
/** Headers, and whether a receiver must accept them. */
const cases = [
  [sign([parseSecret(secret)], 'a-1', now, body), true],
  [sign([other, parseSecret(secret)], 'a-1', now, body), true],
  [sign([other], 'a-1', now, body), false],
  [sign([parseSecret(secret)], 'a-1', now - 3600, body), false],
  [sign([parseSecret(secret)], 'a-1', now, `${body} `), false],
  [{ ...sign([parseSecret(secret)], 'a-1', now, body), 'webhook-id': 'a-2' }, false],
] as const

const hasPython = spawnSync('python3', ['--version']).status === 0
if (!hasPython) console.warn('skipped: the Python receiver of docs/webhooks.md needs python3')

describe('the receivers of docs/webhooks.md accept what is signed rightly and nothing else', () => {
  it('in Node', async () => {
    const { verify } = await import(`data:text/javascript,${encodeURIComponent(block('js'))}`)
    for (const [headers, accepted] of cases) expect(verify(headers, body, secret)).toBe(accepted)
  })

  it.skipIf(!hasPython)('in Python', () => {
    const input = JSON.stringify({ cases: cases.map(([headers]) => headers), body, secret })
    const program = `${block('python')}
import json, sys
given = json.load(sys.stdin)
print(json.dumps([verify(headers, given["body"].encode(), given["secret"]) for headers in given["cases"]]))`
    expect(JSON.parse(execFileSync('python3', ['-c', program], { input, encoding: 'utf8' }))).toEqual(cases.map(([, accepted]) => accepted))
  })
})
