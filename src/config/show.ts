import { Document, type Node, Scalar, YAMLMap, YAMLSeq } from 'yaml'
import { configJsonSchema, type SchemaNode, schemaAt } from './json-schema.ts'
import type { LoadedConfig } from './load.ts'
import { keyOf } from './problems.ts'
import { formatBytes, formatDuration } from './units.ts'

const mask = '********'

/**
 * The effective configuration as YAML: defaults filled in, secrets masked, and behind each value
 * that is no default the line of `file` and the variables that it came from. Without secrets the text is a configuration itself.
 */
export function showConfig({ config, places }: LoadedConfig, file: string | null): string {
  const root = configJsonSchema()

  const nodeOf = (value: unknown, path: readonly PropertyKey[]): Node => {
    // A list of secrets is hidden like a single one.
    if (Array.isArray(value) && schemaAt(path, root)?.writeOnly) return nodeOf(value.join(), path)
    if (Array.isArray(value)) {
      const list = new YAMLSeq()
      list.items = value.map((item, index) => nodeOf(item, [...path, index]))
      list.flow = value.length === 0
      return list
    }
    if (value !== null && typeof value === 'object') {
      const map = new YAMLMap<string, Node>()
      for (const [key, inner] of Object.entries(value)) if (inner !== undefined) map.set(key, nodeOf(inner, [...path, key]))
      return map
    }
    const scalar = new Scalar(shown(value, schemaAt(path, root)))
    const place = places.get(keyOf(path))
    if (place) scalar.comment = ` ${[`${file ?? 'line'}:${place.line}`, ...place.variables.map((name) => `\${${name}}`)].join(', ')}`
    return scalar
  }

  const document = new Document()
  document.contents = nodeOf(config, []) as typeof document.contents
  return document.toString({ lineWidth: 0 })
}

function shown(value: unknown, node: SchemaNode | null): unknown {
  if (node?.writeOnly) return masked(String(value))
  if (typeof value !== 'number') return value
  if (node?.['x-type'] === 'size') return formatBytes(value)
  return node?.['x-type'] === 'duration' ? formatDuration(value) : value
}

/** A secret is hidden whole; of a URL only what may hold one: password, query and fragment. */
function masked(secret: string): string {
  if (!URL.canParse(secret)) return mask
  const url = new URL(secret)
  if (url.password !== '') url.password = mask
  if (url.search !== '') url.search = mask
  url.hash = ''
  return url.href
}
