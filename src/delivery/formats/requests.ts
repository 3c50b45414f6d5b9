import type { FormatTarget, WebhookRequest } from './format.ts'

/** A POST of JSON. */
export function jsonRequest(url: string, body: string, headers: Readonly<Record<string, string>> = {}): WebhookRequest {
  return { url, headers: { 'content-type': 'application/json', 'user-agent': 'tidewatch', ...headers }, body }
}

/** The header that carries a bearer token, none where there is no secret. */
export function bearer({ secrets }: FormatTarget): Record<string, string> {
  return secrets[0] === undefined ? {} : { authorization: `Bearer ${secrets[0]}` }
}

/** Text of at most `most` UTF-16 units; what is cut off ends in an ellipsis. */
export function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).replace(/[\ud800-\udbff]$/, '')}…`
}
