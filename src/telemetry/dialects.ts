import { createAttributeKeys } from './attribute-keys.ts'
import { type CallField, callRules } from './dialects/call.ts'
import { contentRules } from './dialects/content.ts'
import { type ExchangeField, exchangeRules } from './dialects/exchange.ts'
import { credentialNames, type IdentityRule, identityRules } from './dialects/identity.ts'
import { linkFamily, type OwnField, ownRules } from './dialects/own.ts'
import type { FieldRule, Parser } from './dialects/rule.ts'
import type { AttributeKeys } from './otlp/records.ts'

export type Field = CallField | ExchangeField | OwnField

/** The whole table, in the order of the documentation. */
export const fieldRules: readonly FieldRule<Field>[] = [...callRules, ...exchangeRules, ...ownRules]

/** Number of a field: its place in a draft. */
export const F = Object.freeze(Object.fromEntries(fieldRules.map((rule, index) => [rule.field, index]))) as Readonly<Record<Field, number>>
export const fieldCount = fieldRules.length

/** What one present attribute does to a draft. */
export type Action =
  | { readonly does: 'field'; readonly field: number; readonly rank: number; readonly parse: Parser }
  | { readonly does: 'identity'; readonly rank: number; readonly json: boolean }
  | { readonly does: 'credential'; readonly rank: number; readonly json: boolean }
  | { readonly does: 'json'; readonly paths: readonly PathAction[] }
  | { readonly does: 'content'; readonly rank: number; readonly events: readonly string[]; readonly eventsOnly: boolean }
  | { readonly does: 'link' }

export interface PathAction {
  readonly path: readonly string[]
  readonly action: Action
}

/** The table made ready for one configuration. */
export interface CompiledDialects {
  readonly keys: AttributeKeys
  /** By slot: what the attribute does. */
  readonly actions: readonly (readonly Action[])[]
  /** By rank. */
  readonly identities: readonly IdentityRule[]
}

/** Attributes of the user's own, tried before all known ones. */
export interface OwnNames {
  readonly attributes: readonly string[]
  readonly credential: readonly string[]
}

/** Compiles the table: every name gets a slot, every slot its actions. */
export function compileDialects(own: OwnNames): CompiledDialects {
  const identities: IdentityRule[] = [
    ...own.attributes.map((name): IdentityRule => ({ name, json: true, link: 'identity' })),
    ...identityRules.filter((rule) => !own.attributes.includes(rule.name)),
  ]
  const byName = new Map<string, Action[]>()
  const paths = new Map<string, PathAction[]>()
  const add = (source: string, action: Action): void => {
    const [name, path] = source.split('#', 2) as [string, string | undefined]
    let actions = byName.get(name)
    if (actions === undefined) {
      actions = []
      byName.set(name, actions)
    }
    if (path === undefined) {
      actions.push(action)
      return
    }
    let list = paths.get(name)
    if (list === undefined) {
      list = []
      paths.set(name, list)
      actions.push({ does: 'json', paths: list })
    }
    list.push({ path: path.split('.'), action })
  }
  fieldRules.forEach((rule, field) => {
    rule.from.forEach((source, rank) => {
      const [name, parse] = typeof source === 'string' ? [source, rule.parse] : source
      add(name, { does: 'field', field, rank, parse })
    })
  })
  identities.forEach((rule, rank) => {
    add(rule.name, { does: 'identity', rank, json: rule.json === true })
  })
  ;[...new Set([...own.credential, ...credentialNames])].forEach((name, rank) => {
    add(name, { does: 'credential', rank, json: false })
  })
  contentRules.forEach((rule, rank) => {
    add(rule.name, { does: 'content', rank, events: rule.events ?? [], eventsOnly: rule.eventsOnly === true })
  })
  add(linkFamily, { does: 'link' })
  const isFamily = (name: string): boolean =>
    name === linkFamily || contentRules.some((rule) => rule.name === name && rule.shape === 'flat')
  const keys = createAttributeKeys(
    [...byName.keys()].filter((name) => !isFamily(name)),
    [...byName.keys()].filter(isFamily),
  )
  return { keys, actions: [...keys.names, ...keys.families].map((name) => byName.get(name)!), identities }
}
