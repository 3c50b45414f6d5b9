import type { z } from 'zod'
import { TidewatchError } from '../errors.ts'
import { propertiesOf, type SchemaNode, schemaAt } from './json-schema.ts'
import { suggest } from './suggest.ts'

/** One thing that is wrong with a configuration. Line and column count from 1; null where there is no file. */
export interface ConfigProblem {
  /** `webhooks[0].url`; empty for the file as a whole. */
  readonly key: string
  readonly message: string
  readonly line: number | null
  readonly column: number | null
}

/** Everything that is wrong with a configuration, at once. Never holds a configured value: it may be a secret. */
export class ConfigError extends TidewatchError {
  readonly problems: readonly ConfigProblem[]

  constructor(file: string, problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ key, message, line, column }) => {
      const place = line === null ? file : `${file}:${line}:${column}`
      return `\n  ${place}: ${key === '' ? '' : `${key}: `}${message}`
    })
    super('TW_CONFIG_INVALID', `${problems.length} problem${problems.length === 1 ? '' : 's'}${lines.join('')}`)
    this.problems = problems
  }
}

/** `['webhooks', 0, 'url']` as `webhooks[0].url`. */
export function keyOf(path: readonly PropertyKey[]): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`)).join('')
}

/** What a schema issue means to the one who wrote the file: a path of the offending key and a sentence. An issue may hold several. */
export function explain(issue: z.core.$ZodIssue, raw: unknown, root: SchemaNode): { path: PropertyKey[]; message: string }[] {
  const { path } = issue
  if (issue.code === 'unrecognized_keys') {
    const node = schemaAt(path, root)
    const known = node === null ? [] : Object.keys(propertiesOf(node))
    return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(key, known, root) }))
  }
  const value = valueAt(raw, path)
  if (value === undefined && issue.code !== 'custom') return [{ path, message: 'is required' }]
  if (issue.code === 'invalid_type') return [{ path, message: `expected ${nameOfType(issue.expected)}, found ${kindOf(value)}` }]
  if (issue.code === 'invalid_value') {
    const names = issue.values.map(String)
    const near = typeof value === 'string' ? suggest(value, names) : null
    return [{ path, message: `expected one of ${names.map((name) => `\`${name}\``).join(', ')}${meant(near)}` }]
  }
  const message = issue.message.replace(/^(Invalid input|Too (small|big)): /, '')
  return [{ path, message: message.replace('expected number to be', 'expected a number') }]
}

function unknownKey(key: string, known: readonly string[], root: SchemaNode): string {
  const near = suggest(key, known)
  if (near !== null) return `unknown key${meant(near)}`
  const elsewhere = Object.entries(root.properties ?? {})
    .filter(([, section]) => key in propertiesOf(section))
    .map(([name]) => `${name}.${key}`)
  if (elsewhere.length > 0) return `unknown key here${meant(elsewhere[0])}`
  return `unknown key; known are ${known.map((name) => `\`${name}\``).join(', ')}`
}

function meant(name: string | null): string {
  return name === null ? '' : `; did you mean \`${name}\`?`
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw
  for (const key of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[key]
  return value
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (value === null) return 'nothing'
  return nameOfType(typeof value)
}

function nameOfType(type: string): string {
  const names: Record<string, string> = {
    string: 'text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    array: 'a list',
    object: 'keys and values',
  }
  return names[type] ?? type
}
