import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { substitute } from './environment.ts'
import { type ConfigProblem, keyOf } from './problems.ts'

/** Where a value of the file stands and which environment variables it was made of. */
export interface Place {
  readonly line: number
  readonly column: number
  readonly variables: readonly string[]
}

export interface ConfigDocument {
  /** Plain values. A value made of environment variables is text here, whatever it looks like. */
  readonly value: unknown
  /** Place by key (`kafka.brokers[0]`). */
  readonly places: ReadonlyMap<string, Place>
  readonly problems: readonly ConfigProblem[]
}

/** Reads YAML 1.2 and replaces environment variables in its values. Keys without a value count as absent. Never throws. */
export function readDocument(text: string, env: Readonly<Record<string, string | undefined>>): ConfigDocument {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const places = new Map<string, Place>()
  const problems: ConfigProblem[] = document.errors.map(({ message, pos }) => {
    const { line, col } = lines.linePos(pos[0])
    return { key: '', message: message.replace(/ at line \d+, column \d+[\s\S]*$/, ''), line, column: col }
  })
  if (problems.length > 0) return { value: {}, places, problems }

  const place = (node: Node, variables: readonly string[] = []): Place => {
    const { line, col } = lines.linePos(node.range?.[0] ?? 0)
    return { line, column: col, variables }
  }

  const resolving = new Set<Node>()
  const plainOf = (node: Node | null, path: readonly PropertyKey[]): unknown => {
    if (node === null) return undefined
    const key = keyOf(path)
    if (isAlias(node)) {
      const target = node.resolve(document)
      if (target === undefined || resolving.has(target)) {
        problems.push({ key, message: 'this alias refers to itself or to nothing', line: place(node).line, column: place(node).column })
        return undefined
      }
      return plainOf(target, path)
    }
    resolving.add(node)
    try {
      if (isMap(node)) return mapOf(node.items as { key: Node; value: Node | null }[], path)
      if (isSeq(node))
        return node.items.map((item, index) => {
          places.set(keyOf([...path, index]), place(item as Node))
          return plainOf(item as Node, [...path, index])
        })
      if (!isScalar(node) || node.value === null) return undefined
      if (typeof node.value !== 'string') return node.value
      const { text: replaced, variables, problems: wrong } = substitute(node.value, env)
      const at = place(node, variables)
      if (variables.length > 0) places.set(key, { ...(places.get(key) ?? at), variables })
      problems.push(...wrong.map((message) => ({ key, message, line: at.line, column: at.column })))
      return replaced
    } finally {
      resolving.delete(node)
    }
  }

  const mapOf = (items: readonly { key: Node; value: Node | null }[], path: readonly PropertyKey[]): Record<string, unknown> => {
    const entries = items.map((item): [string, unknown] => {
      const name = isScalar(item.key) ? String(item.key.value) : item.key.toString()
      const inner = [...path, name]
      places.set(keyOf(inner), place(item.key))
      return [name, plainOf(item.value, inner)]
    })
    return Object.fromEntries(entries)
  }

  return { value: plainOf(document.contents as Node | null, []) ?? {}, places, problems }
}
