import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createLog } from '../../src/observability/log.ts'

function capture(isTTY: boolean) {
  let text = ''
  const stream = Object.assign(
    new Writable({
      write(chunk, _encoding, done) {
        text += chunk
        done()
      },
    }),
    { isTTY },
  )
  return { log: createLog({ level: 'info' }, stream), text: () => text }
}

describe('the log', () => {
  it.each([true, false])('shows no secret, wherever it stands (terminal: %s)', (isTTY) => {
    const { log, text } = capture(isTTY)
    log.warn(
      { password: 'pw-1', webhook: { secret: 'pw-2' }, headers: { authorization: 'pw-3' } },
      'https://user:pw-4@host/ whsec_pw5pw5 Bearer pw-6',
    )
    log.error({ err: new Error('connect to http://tidewatch:pw-7@clickhouse:8123 failed') }, 'store')
    expect(text()).not.toMatch(/pw-?\d/)
    expect(text()).toContain('clickhouse:8123')
  })

  it('is one JSON object a line, and on a terminal one readable line', () => {
    const lines = capture(false)
    lines.log.info({ topic: 'otlp_spans' }, 'partition assigned')
    expect(JSON.parse(lines.text())).toMatchObject({ level: 30, topic: 'otlp_spans', msg: 'partition assigned' })
    const readable = capture(true)
    readable.log.info({ topic: 'otlp_spans', offsets: [1, 2] }, 'partition assigned')
    readable.log.debug('not shown')
    expect(readable.text()).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}partition assigned {2}topic=otlp_spans offsets=\[1,2\]\n$/)
  })
})
