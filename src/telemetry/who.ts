import { BoundedCache } from './bounded-cache.ts'
import type { IdentityRule } from './dialects/identity.ts'
import { F } from './dialects.ts'
import { type Candidate, type Draft, textOf } from './draft.ts'
import type { Link, Principal } from './events.ts'
import type { Pseudonym } from './hasher.ts'
import { networkOf } from './network.ts'
import { count, type Tally } from './tally.ts'

export interface Who {
  readonly principal: Principal | null
  readonly credential: string | null
  readonly links: readonly Link[]
}

const kinds: ReadonlySet<string> = new Set(['human', 'service', 'agent', 'connector'])
const cacheSize = 50_000

/** Says who made a call: the first identity by precedence, the credential beside it, and what else may be shared with other accounts. */
export class Identifier {
  readonly #rules: readonly IdentityRule[]
  readonly #pseudonym: Pseudonym
  /** Links by address and by user agent, shared between events. */
  readonly #networks = new BoundedCache<{ readonly link: Link | null }>(cacheSize)
  readonly #agents = new BoundedCache<Link>(cacheSize)
  readonly #networkLink = (address: string): { readonly link: Link | null } => {
    const network = networkOf(address)
    return { link: network === null ? null : { kind: 'net', value: this.#pseudonym(network) } }
  }
  readonly #agentLink = (agent: string): Link => ({ kind: 'agent', value: this.#pseudonym(agent) })

  constructor(rules: readonly IdentityRule[], pseudonym: Pseudonym) {
    this.#rules = rules
    this.#pseudonym = pseudonym
  }

  /** A stored form of an identifier that is no principal (a conversation's). */
  pseudonym(value: string): string {
    return this.#pseudonym(value)
  }

  principal(draft: Draft, clamped: Tally): Principal | null {
    return this.#principalOf(best(draft.identities), draft, clamped)
  }

  who(draft: Draft, clamped: Tally): Who {
    const chosen = best(draft.identities)
    const credential = best(draft.credentials)
    return {
      principal: this.#principalOf(chosen, draft, clamped),
      credential: credential === null ? null : this.#pseudonym(credential.value),
      links: this.#links(draft, chosen, credential),
    }
  }

  #principalOf(chosen: Candidate | null, draft: Draft, clamped: Tally): Principal | null {
    if (chosen === null) return null
    const rule = this.#rules[chosen.rank]!
    const kind = textOf(draft, F.principalKind)
    const known = kind !== null && kinds.has(kind)
    if (kind !== null && !known) count(clamped, 'principal_kind')
    return {
      id: this.#pseudonym(chosen.value),
      kind: known ? (kind as NonNullable<Principal['kind']>) : null,
      source: rule.name,
      lastResort: rule.lastResort === true,
    }
  }

  #links(draft: Draft, chosen: Candidate | null, credential: Candidate | null): readonly Link[] {
    const address = textOf(draft, F.address)
    const agent = textOf(draft, F.userAgent)
    const links: Link[] = []
    if (address !== null) {
      const { link } = this.#networks.get(address, this.#networkLink)
      if (link !== null) links.push(link)
    }
    if (agent !== null) links.push(this.#agents.get(agent, this.#agentLink))
    if (credential !== null) links.push({ kind: 'credential', value: this.#pseudonym(credential.value) })
    if (draft.identities.length > 1) {
      for (const { rank, value } of draft.identities)
        if (this.#rules[rank]!.link === 'identity' && value !== chosen?.value) this.#add(links, 'identity', value)
    }
    for (const { kind, value } of draft.links) this.#add(links, kind, value)
    return links
  }

  #add(links: Link[], kind: string, value: string): void {
    const stored = this.#pseudonym(value)
    for (const link of links) if (link.kind === kind && link.value === stored) return
    links.push({ kind, value: stored })
  }
}

/** The candidate of the best rank; of equal ranks the first, which is the outermost span's. */
function best(candidates: readonly Candidate[]): Candidate | null {
  let found: Candidate | null = null
  for (const candidate of candidates) if (found === null || candidate.rank < found.rank) found = candidate
  return found
}
