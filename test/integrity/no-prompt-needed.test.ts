import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { openStore } from '../../src/store/open.ts'
import { tables } from '../../src/store/tables.ts'
import { ask, commonSettings, post, waitForRest } from '../faults/instance.ts'
import { startMember } from '../faults/member.ts'
import { otlpTraffic } from '../support/otlp-traffic.ts'
import { startWebhookReceiver } from '../support/webhook-receiver.ts'
import { yesterday } from './watching.ts'

const marker = 'correct horse battery staple'
const secret = 'quince-marmalade-77'

/** The ways in which producers write what was asked and answered; each says the marker. */
const spoken = (text: string) => [
  { key: 'gen_ai.input.messages', value: { stringValue: JSON.stringify([{ role: 'user', parts: [{ type: 'text', content: text }] }]) } },
  {
    key: 'gen_ai.output.messages',
    value: { stringValue: JSON.stringify([{ role: 'assistant', parts: [{ type: 'text', content: text }] }]) },
  },
  { key: 'gen_ai.system_instructions', value: { stringValue: text } },
  { key: 'gen_ai.prompt.0.content', value: { stringValue: text } },
  { key: 'gen_ai.completion.0.content', value: { stringValue: text } },
  { key: 'input.value', value: { stringValue: text } },
  { key: 'output.value', value: { stringValue: text } },
  { key: 'llm.input_messages.0.message.content', value: { stringValue: text } },
  { key: 'ai.prompt', value: { stringValue: text } },
  { key: 'gen_ai.tool.call.arguments', value: { stringValue: text } },
]

/** What is stored as base64 is looked through as it is. */
const decoded: Readonly<Record<string, string>> = {
  checkpoints: 'key, base64Decode(blob_base64) AS blob',
  dead_letters: "code, reason, if(code = 'TW_TELEMETRY_MALFORMED', '', base64Decode(bytes_base64)) AS bytes",
}

async function run(key: number) {
  const directory = await mkdtemp(join(tmpdir(), 'tw-content-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const receiver = await startWebhookReceiver()
  onTestFinished(() => receiver.close())
  const identity = { key: Buffer.alloc(32, key).toString('base64') }
  const settings = { ...commonSettings(receiver.url), identity, log: { level: 'trace' } }
  const member = await startMember(join(directory, 'data'), settings, {})
  onTestFinished(async () => {
    member.kill('SIGKILL')
    await member.ended
  })

  const { requests, attacker } = otlpTraffic({ now: yesterday(), people: 40 })
  for (const [index, request] of requests.entries()) {
    for (const span of request.resourceSpans[0].scopeSpans[0].spans as {
      attributes: { key: string }[]
      name: string
      events?: object[]
    }[]) {
      const others = span.attributes.filter(({ key }) => !key.startsWith('gen_ai.input'))
      const own = span.attributes.filter(({ key }) => key === 'gen_ai.input.messages')
      // The questions of the traffic stay, so that there is something to find in them; the marker stands in every place beside.
      span.attributes = [...others, ...own, ...spoken(`${marker} ${secret} ${index}`).slice(own.length)]
      span.events = [{ name: 'gen_ai.content.prompt', timeUnixNano: '0', attributes: spoken(`${marker} ${secret}`).slice(0, 1) }]
    }
    while (!(await post({ signal: 'traces', value: Buffer.from(JSON.stringify(request)) }, member)))
      await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await post({ signal: 'traces', value: Buffer.from(`{"resourceSpans": [{"${marker} ${secret}`) }, member)
  // A part of a record that cannot be used: whose update it is, nobody says.
  const run = { key: 'tidewatch.training.run.id', value: { stringValue: 'run-1' } }
  const eventName = 'tidewatch.training.update'
  const update = { timeUnixNano: `${yesterday()}000000`, eventName, attributes: [run, ...spoken(`${marker} ${secret}`)] }
  const logs = { resourceLogs: [{ scopeLogs: [{ logRecords: [update] }] }] }
  await post({ signal: 'logs', value: Buffer.from(JSON.stringify(logs)) }, member)
  await waitForRest(member)
  const answers = await Promise.all(
    ['alerts?limit=50', 'principals?limit=50', 'status', 'dead-letters', 'webhooks/deliveries', `principals/${attacker}`].map((path) =>
      ask(member, path),
    ),
  )
  member.kill('SIGTERM')
  await member.ended
  const store = await openStore(configSchema.parse({ ...settings, data: { directory: join(directory, 'data') } }), 'reader')
  const rows: Record<string, string> = {}
  for (const { name } of tables) {
    rows[name] = (await store.query(`SELECT ${decoded[name] ?? '*'} FROM ${name}`)).map((row) => JSON.stringify(row)).join('\n')
  }
  const principals = await store.query<{ id: string }>('SELECT DISTINCT principal AS id FROM calls')
  await store.close()
  const places: Record<string, string> = {
    ...rows,
    webhooks: receiver.received.map(({ body }) => body).join('\n'),
    log: member.said(),
    api: JSON.stringify(answers),
  }
  const alerts = receiver.received.map(({ body }) => JSON.parse(body) as { subject: { id: string } })
  return {
    attacker,
    people: requests.flatMap(
      ({
        resourceSpans: [
          {
            scopeSpans: [{ spans }],
          },
        ],
      }) =>
        (spans as { attributes: { key: string; value: { stringValue?: string } }[] }[]).flatMap(({ attributes }) =>
          attributes.filter(({ key }) => key === 'user.id').map(({ value }) => value.stringValue!),
        ),
    ),
    principals: principals.map(({ id }) => id).sort(),
    suspects: alerts.map(({ subject }) => subject.id),
    places,
  }
}

it('prompts and answers reach neither store nor saved state, webhooks, log or API, and who asked is a keyed hash', async () => {
  const { places, people, principals, suspects } = await run(3)
  // The attack is found all the same.
  expect(suspects.length).toBeGreaterThan(0)
  expect(places.calls!.split('\n').length).toBeGreaterThan(3000)
  // Nobody can tell what in an unreadable record is text: its bytes stand in the dead letters for two weeks, and in no other place.
  expect(places.dead_letters).toContain('TW_TELEMETRY_MALFORMED')
  expect(places.dead_letters).toContain('TW_TELEMETRY_UNUSABLE')
  for (const [place, text] of Object.entries(places)) {
    for (const word of ['horse', 'staple', secret]) expect(text.includes(word), `${word} in ${place}`).toBe(false)
  }
  const names = new Set(people)
  expect(names.size).toBeGreaterThan(40)
  for (const [place, text] of Object.entries(places)) {
    for (const name of names) expect(text.includes(`"${name}"`), `${name} in ${place}`).toBe(false)
  }
  expect(principals.length).toBe(names.size)
  expect(principals).toEqual(expect.arrayContaining(suspects))

  // Under another key nobody has the same name.
  const other = await run(4)
  expect(other.principals.length).toBe(principals.length)
  expect(other.principals.filter((id) => principals.includes(id))).toEqual([])
  expect(other.suspects.length).toBe(suspects.length)
}, 120_000)
