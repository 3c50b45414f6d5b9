import { describe, expect, it } from 'vitest'
import { createProgress, travelled } from '../../src/cli/progress.ts'

class Terminal {
  text = ''
  readonly columns = 60
  readonly isTTY: boolean

  constructor(isTTY: boolean) {
    this.isTTY = isTTY
  }

  write(text: string): boolean {
    this.text += text
    return true
  }
}

const progressOn = (terminal: Terminal) => createProgress(terminal as unknown as NodeJS.WriteStream)

describe('progress', () => {
  it('tells share, events, rate, event time and what is left', () => {
    const watermark = Date.UTC(2026, 2, 1, 12, 30) * 1000
    expect(travelled({ share: 0.25, events: 50_000, watermark }, 10)).toBe(
      '[######------------------]  25 %  50000 events  5000/s  at 2026-03-01T12:30Z  30 s left',
    )
    expect(travelled({ share: 0.01, events: 100, watermark }, 10)).toContain('17 min left')
    expect(travelled({ share: 0.01, events: 100, watermark }, 600)).toContain('16.5 h left')
  })

  it('claims nothing that it cannot know', () => {
    expect(travelled({ share: 0, events: 0, watermark: null }, 0)).toBe(`[${'-'.repeat(24)}]   0 %  0 events`)
    expect(travelled({ share: 0.5, events: 10, watermark: null }, 0.2)).not.toContain('left')
    expect(travelled({ share: 1, events: 10, watermark: null }, 9)).not.toContain('left')
  })

  it('redraws one line of a terminal, cut to its width, and leaves a log file alone', () => {
    const terminal = new Terminal(true)
    const shown = progressOn(terminal)
    shown.update('x'.repeat(100))
    expect(terminal.text).toBe(`\r\x1b[K${'x'.repeat(59)}`)
    shown.update('too soon after the last one')
    shown.done()
    expect(terminal.text).toBe(`\r\x1b[K${'x'.repeat(59)}\r\x1b[K`)

    const file = new Terminal(false)
    const silent = progressOn(file)
    silent.update('half')
    silent.done()
    expect(file.text).toBe('')
  })
})
