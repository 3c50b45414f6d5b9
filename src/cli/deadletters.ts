import { Command } from 'commander'
import { TidewatchError } from '../errors.ts'
import type { ShownDeadLetter } from '../server/read-dead-letters.ts'
import { type ApiOptions, connect, withApiOptions } from './api-client.ts'
import { lines, printable, table } from './table.ts'

interface FilterOptions extends ApiOptions {
  readonly code?: string
  readonly topic?: string
  readonly since?: string
  readonly limit: string
  readonly json?: boolean
}

interface ListOptions extends FilterOptions {
  readonly before?: string
  readonly waiting?: boolean
}

interface ShowOptions extends ApiOptions {
  readonly hex?: boolean
  readonly utf8?: boolean
  readonly raw?: boolean
  readonly json?: boolean
}

interface Outcome {
  readonly id: string
  readonly outcome: 'replayed' | 'before' | 'impossible'
  readonly reason: string | null
}

function filtered(command: Command, limit: string): Command {
  return withApiOptions(command)
    .option('--code <code>', 'only with this code')
    .option('--topic <topic>', 'only of this topic; otlp_journal: what came by OTLP without Kafka')
    .option('--since <time>', 'only of this time or later, ISO 8601')
    .option('--limit <n>', 'at most so many, 1 to 500', limit)
    .option('--json', 'one object a line')
}

/** `tidewatch deadletters`: what was refused and why, and a second way in once the reason is gone. */
export function deadlettersCommand(): Command {
  const command = new Command('deadletters').description('Refused records: list, show, replay.')

  filtered(command.command('list').description('List refused records, newest first, without their bytes.'), '50')
    .option('--waiting', 'only those that were not replayed')
    .option('--before <place>', 'go on behind the page that told this place')
    .addHelpText('after', '\nExample:\n  tidewatch deadletters list --code TW_TELEMETRY_TOO_LARGE --since 2026-03-01T00:00:00Z')
    .action(async ({ code, topic, since, limit, before, waiting, json, ...where }: ListOptions) => {
      const api = await connect(where)
      const { items, next } = await api.get<{ items: ShownDeadLetter[]; next: string | null }>('/api/v1/dead-letters', {
        ...{ code, topic, since, limit, before },
        replayed: waiting ? 'false' : undefined,
      })
      process.stdout.write(json ? lines(items) : table(items.map(rowOf)))
      if (next !== null) process.stderr.write(`more: --before ${next}\n`)
    })

  withApiOptions(command.command('show <id>').description('Show one with its reason, its place and its bytes.'))
    .option('--hex', 'bytes as hexadecimal digits (default: as text where they are text)')
    .option('--utf8', 'bytes as text, whatever they are')
    .option('--raw', 'nothing but the bytes themselves')
    .option('--json', 'as the API answers it')
    .addHelpText('after', '\nExample:\n  tidewatch deadletters show otlp_spans:uJ3hT2:4:1187:0 --raw > record.bin')
    .action(async (id: string, { hex, utf8, raw, json, ...where }: ShowOptions) => {
      const api = await connect(where)
      const letter = await api.get<ShownDeadLetter & { base64: string }>(`/api/v1/dead-letters/${encodeURIComponent(id)}`)
      const bytes = Buffer.from(letter.base64, 'base64')
      if (raw) process.stdout.write(bytes)
      else if (json) process.stdout.write(lines([letter]))
      else process.stdout.write(page(letter, !hex && (utf8 || isText(bytes)) ? text(bytes) : dump(bytes)))
    })

  filtered(
    command.command('replay [id...]').description('Put refused records into the log again, so that they take the ordinary way.'),
    '100',
  )
    .addHelpText(
      'after',
      `
Name them, or say which with --code, --topic and --since. One that was replayed before is left alone. Exit code 1 where one cannot be replayed.

Examples:
  tidewatch deadletters replay otlp_spans:uJ3hT2:4:1187:0
  tidewatch deadletters replay --code TW_TELEMETRY_TOO_LARGE --limit 500`,
    )
    .action(async (ids: string[], { code, topic, since, limit, json, ...where }: FilterOptions) => {
      const filters = { code, topic, since }
      const some = Object.values(filters).some((value) => value !== undefined)
      if (ids.length > 0 === some) throw new TidewatchError('TW_USAGE', 'name dead letters, or say which with --code, --topic and --since')
      const api = await connect(where)
      const body = ids.length > 0 ? { ids } : { ...filters, limit: Number(limit) }
      const { items } = await api.post<{ items: Outcome[] }>('/api/v1/dead-letters/replay', body)
      process.stdout.write(json ? lines(items) : table(items.map(({ id, outcome, reason }) => [id, said[outcome], reason ?? ''])))
      if (items.some(({ outcome }) => outcome === 'impossible')) process.exitCode = 1
    })
  return command
}

const said = { replayed: 'in the log again', before: 'was replayed before', impossible: 'cannot be replayed' } as const

function rowOf({ id, time, code, size, truncated, replayed, reason }: ShownDeadLetter): string[] {
  return [id, `${time.slice(0, 19)}Z`, code, `${size} bytes${truncated ? ', cut' : ''}`, replayed === null ? '' : 'replayed', reason]
}

function page(letter: ShownDeadLetter, bytes: string): string {
  const { topic, partition, offset, epoch, time, code, reason, signal, size, kept, truncated, replayed, notReplayable } = letter
  return [
    table([
      ['why', `${code}: ${reason}`],
      ['where', `${topic}, partition ${partition}, offset ${offset}, epoch ${epoch}`],
      ['when', time],
      ['signal', signal || 'not known'],
      ['bytes', truncated ? `${kept} of ${size} are kept: it cannot be replayed whole` : `${size}, whole`],
      ['replayed', replayed === null ? 'no' : `at ${replayed.time} by ${replayed.by}`],
      ['can be', notReplayable === null ? 'replayed' : `not replayed: ${notReplayable}`],
    ]),
    `\n${bytes}\n`,
  ].join('')
}

function isText(bytes: Buffer): boolean {
  // A cut may go through a character.
  return !bytes.includes(0) && !bytes.subarray(0, -4).toString('utf8').includes('\ufffd')
}

function text(bytes: Buffer): string {
  return bytes.toString('utf8').split('\n').map(printable).join('\n')
}

/** Sixteen bytes a line: place, digits, and what of them is ASCII. */
function dump(bytes: Buffer): string {
  const rows: string[] = []
  for (let at = 0; at < bytes.length; at += 16) {
    const part = bytes.subarray(at, at + 16)
    const digits = part.toString('hex').replace(/../g, '$& ').padEnd(48)
    rows.push(`${at.toString(16).padStart(8, '0')}  ${digits} ${part.toString('latin1').replace(/[^ -~]/g, '.')}`)
  }
  return rows.join('\n')
}
