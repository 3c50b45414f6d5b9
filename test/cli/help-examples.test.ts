import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { backtestCommand } from '../../src/cli/backtest.ts'
import { replayCommand } from '../../src/cli/replay.ts'

describe.each([replayCommand, backtestCommand].map((make) => [make().name(), make] as const))('tidewatch %s --help', (name, make) => {
  it('shows examples whose options exist, and explains every option', () => {
    const command = make()
    let help = ''
    command.configureOutput({
      writeOut: (text) => {
        help += text
      },
    })
    command.outputHelp()
    const examples = help
      .slice(help.indexOf('Examples:'))
      .split('\n')
      .filter((line) => line.startsWith('  tidewatch '))
      .map((line) => line.split(' | ')[0]!.split(/ {3,}|then:/)[0]!)
    expect(examples.length).toBeGreaterThanOrEqual(3)
    const known = command.options.map(({ long }) => long)
    for (const example of examples) {
      expect(example).toContain(`tidewatch ${name}`)
      for (const [option] of example.matchAll(/--[a-z-]+/g)) expect(known, example).toContain(option)
    }
    for (const { description, flags } of command.options as Command['options']) expect(description, flags).not.toBe('')
  })
})
