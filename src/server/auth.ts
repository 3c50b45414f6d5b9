import { createHash, timingSafeEqual } from 'node:crypto'
import { isLoopback } from '../config/loopback.ts'
import type { Config } from '../config/schema.ts'
import { TidewatchError } from '../errors.ts'

/** `operator` may do what `viewer` may, and change things. */
export type Role = 'viewer' | 'operator'

/** Who asks. Open paths are asked by `anybody`. */
export interface Caller {
  /** Name of the token; `local` where there are no tokens. */
  readonly name: string
  readonly role: Role | null
}

export const anybody: Caller = { name: 'anybody', role: null }

const digest = (text: string) => createHash('sha256').update(text).digest()

/**
 * Who may ask. Without tokens everybody on this machine may do everything, so only a loopback address is accepted to
 * listen on (else TW_CONFIG_INVALID), and only loopback names in the Host header: a web page elsewhere that points its own
 * name at 127.0.0.1 gets nothing.
 */
export class Access {
  private readonly tokens: readonly { readonly digest: Buffer; readonly caller: Caller }[]

  constructor(server: Config['server']) {
    if (server.tokens.length === 0 && !isLoopback(server.host)) {
      throw new TidewatchError('TW_CONFIG_INVALID', `server.host ${server.host} can be reached from outside: set server.tokens`)
    }
    this.tokens = server.tokens.map(({ name, token, role }) => ({ digest: digest(token), caller: { name, role } }))
  }

  /** False when the Host header names another machine and nothing but the address protects this one. */
  acceptsHost(hostname: string): boolean {
    return this.tokens.length > 0 || isLoopback(hostname.replace(/^\[|\]$/g, ''))
  }

  /** The bearer of an Authorization header; null when there is none. All tokens are compared, in constant time. */
  caller(authorization: string | undefined): Caller | null {
    if (this.tokens.length === 0) return { name: 'local', role: 'operator' }
    const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) return null
    const given = digest(token)
    let caller: Caller | null = null
    for (const candidate of this.tokens) if (timingSafeEqual(candidate.digest, given)) caller = candidate.caller
    return caller
  }
}
