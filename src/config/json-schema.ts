import { z } from 'zod'
import { configSchema } from './schema.ts'

/** The part of JSON Schema that the configuration uses. */
export interface SchemaNode {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[]
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly minLength?: number
  /** A secret. */
  readonly writeOnly?: boolean
  /** `size`, `duration` or `list of texts`. */
  readonly 'x-type'?: string
}

/** JSON Schema (2020-12) of the configuration file, for editors and `tidewatch config schema`. */
export function configJsonSchema(): SchemaNode & Readonly<Record<string, unknown>> {
  const { $schema, ...rest } = z.toJSONSchema(configSchema, { io: 'input' })
  return { $schema, title: 'Tidewatch configuration', ...rest } as SchemaNode & Record<string, unknown>
}

/** The schema of a place in the configuration, null where there is none. Numbers are places in lists. */
export function schemaAt(path: readonly PropertyKey[], root: SchemaNode = configJsonSchema()): SchemaNode | null {
  let node: SchemaNode | null = root
  for (const key of path) {
    if (node === null) return null
    node = typeof key === 'number' ? itemsOf(node) : (propertiesOf(node)[String(key)] ?? null)
  }
  return node
}

/** The keys that an object may have, those of all its forms together. */
export function propertiesOf(node: SchemaNode): Readonly<Record<string, SchemaNode>> {
  return node.properties ?? Object.assign({}, ...(node.anyOf ?? []).map(propertiesOf))
}

function itemsOf(node: SchemaNode): SchemaNode | null {
  return node.items ?? node.anyOf?.find((form) => form.items)?.items ?? null
}
