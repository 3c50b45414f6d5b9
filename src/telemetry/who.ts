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
const noLinks: readonly Link[] = []

/** Says who made a call: the first identity by precedence, the credential beside it, and what else may be shared with other accounts. */
export class Identifier {
  readonly #rules: readonly IdentityRule[]
  readonly #pseudonym: Pseudonym
  readonly #networks = new BoundedCache<{ readonly network: string | null }>(50_000)

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
    const network = address === null ? null : this.#networks.get(address, networkEntry).network
    if (network === null && agent === null && credential === null && draft.links.length === 0 && draft.identities.length < 2) return noLinks
    const links: Link[] = []
    const add = (kind: string, value: string): void => {
      const stored = this.#pseudonym(value)
      if (!links.some((link) => link.kind === kind && link.value === stored)) links.push({ kind, value: stored })
    }
    if (network !== null) add('net', network)
    if (agent !== null) add('agent', agent)
    if (credential !== null) add('credential', credential.value)
    for (const { rank, value } of draft.identities)
      if (this.#rules[rank]!.link === 'identity' && value !== chosen?.value) add('identity', value)
    for (const { kind, value } of draft.links) add(kind, value)
    return links
  }
}

function networkEntry(address: string): { readonly network: string | null } {
  return { network: networkOf(address) }
}

/** The candidate of the best rank; of equal ranks the first, which is the outermost span's. */
function best(candidates: readonly Candidate[]): Candidate | null {
  let found: Candidate | null = null
  for (const candidate of candidates) if (found === null || candidate.rank < found.rank) found = candidate
  return found
}
