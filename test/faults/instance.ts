import type { Sent } from './episodes.ts'
import type { Member } from './member.ts'

/** Configuration of every process under test: small checkpoints, short deadlines, one receiver. */
export function commonSettings(webhookUrl: string) {
  return {
    otlp: { http: { port: 0 }, grpc: { enabled: false } },
    server: { port: 0 },
    state: { checkpointEvery: { records: 12 } },
    identity: { key: Buffer.alloc(32, 3).toString('base64') },
    // The clock of a round may go days ahead; what it sends is a day old.
    delivery: { pageWithin: '30d' },
    webhooks: [
      {
        name: 'soc',
        url: webhookUrl,
        secret: `whsec_${Buffer.alloc(32, 9).toString('base64')}`,
        timeout: '1s',
        maxAge: '30d',
        maxPerMinute: 6000,
      },
    ],
  }
}

/** Longest wait for an answer: a process that is stopped gives none. */
const PATIENCE = 5000

/** Sends a request over OTLP/HTTP. Resolves with whether the answer says that it is received. */
export async function post({ signal, value }: Sent, member: Member): Promise<boolean> {
  const addresses = await member.watching
  if (!addresses || !member.alive()) return false
  const answer = await fetch(`${addresses.otlp}/v1/${signal}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: new Uint8Array(value),
    signal: AbortSignal.timeout(PATIENCE),
  }).catch(() => null)
  await answer?.arrayBuffer().catch(() => {})
  return answer !== null && answer.status !== 429 && answer.status < 500
}

/** What the process's API answers; null where it does not. */
export async function ask<T>(member: Member, path: string, body?: object): Promise<T | null> {
  const addresses = await member.watching
  if (!addresses || !member.alive()) return null
  const request = body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  return fetch(`${addresses.api}/api/v1/${path}`, { ...request, signal: AbortSignal.timeout(PATIENCE) }).then(
    (answer) => answer.json() as Promise<T>,
    () => null,
  )
}

interface Status {
  readonly records: number
  readonly lag: readonly { readonly records: number }[]
  readonly webhooks: readonly { readonly waiting: number }[]
}

/** The lag that a process tells is up to two seconds old. */
const STALE = 2500
/** Longest time until everything is stored and sent. */
const DEADLINE = 90_000

/** Resolves once a process tells that everything it was given is stored and sent, or when it has ended. Rejects after a minute and a half. */
export async function waitForRest(member: Member): Promise<void> {
  const begun = performance.now()
  for (let since: number | null = null; member.alive(); ) {
    const status = await ask<Status>(member, 'status')
    const busy =
      !status?.lag ||
      status.lag.length === 0 ||
      [...status.lag.map(({ records }) => records), ...status.webhooks.map(({ waiting }) => waiting)].some((left) => left > 0)
    if (busy) since = null
    else since ??= performance.now()
    if (since !== null && performance.now() - since > STALE) return
    if (performance.now() - begun > DEADLINE)
      throw new Error(`not everything is stored and sent: ${JSON.stringify(status)}\n${member.said()}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
