import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { needVectors } from '../../src/backtest/stored-events.ts'
import { configSchema } from '../../src/config/schema.ts'
import { detectors } from '../../src/detection/registry.ts'
import { replayEvents } from '../../src/stages/replay-events.ts'
import type { Event } from '../../src/telemetry/events.ts'

/** What the store keeps of an event. */
function stored(event: Event): Event {
  switch (event.kind) {
    case 'call':
      return { ...event, embedding: null, activation: null }
    case 'trainingSample':
      return { ...event, activation: null }
    case 'trainingUpdate':
      return { ...event, sketch: null }
    default:
      return event
  }
}

async function* once(events: readonly Event[]) {
  yield events
}

it.each(detectors.map((definition) => [definition.name, definition] as const))(
  '%s finds its own example in stored rows, or is named among those that cannot',
  async (name, definition) => {
    const disabled = detectors.map((other) => other.name).filter((other) => other !== name)
    const events = definition.example.anomalous().map(stored)
    const subjects: string[] = []
    await replayEvents(once(events), events.length, configSchema.parse({ decisions: { disabled } }), {
      onOutcome: async ({ alerts }) => {
        subjects.push(...alerts.map(({ subject }) => subject.id))
      },
    })
    expect(needVectors.includes(name)).toBe(!subjects.includes(definition.example.subject.id))
  },
)

it('the page about backtests names them', () => {
  const page = readFileSync(new URL('../../docs/backtest.md', import.meta.url), 'utf8')
  expect(page).toContain(`${needVectors.map((name) => `\`${name}\``).join(', ')}. [A test]`)
})
