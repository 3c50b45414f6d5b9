import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { pages } from '../../scripts/pages.ts'
import { configJsonSchema, propertiesOf, type SchemaNode } from '../../src/config/json-schema.ts'

const root = join(import.meta.dirname, '..', '..')

describe('generated pages', () => {
  it.each(Object.entries(pages))('%s is what `npm run docs` writes', (path, page) => {
    expect(readFileSync(join(root, path), 'utf8')).toBe(page())
  })
})

describe('the configuration', () => {
  const leaves = (key: string, node: SchemaNode): [string, SchemaNode][] => [
    [key, node],
    ...Object.entries(propertiesOf(node.items ?? node)).flatMap(([name, child]) => leaves(`${key}.${name}`, child)),
  ]

  it('explains every option', () => {
    const bare = Object.entries(propertiesOf(configJsonSchema()))
      .flatMap(([name, node]) => leaves(name, node))
      .filter(([, node]) => !node.description)
      .map(([key]) => key)
    expect(bare).toEqual([])
  })

  it('marks what sounds like a secret as one', () => {
    const open = Object.entries(propertiesOf(configJsonSchema()))
      .flatMap(([name, node]) => leaves(name, node))
      .filter(([key, node]) => /\.(password|secret|token|key)$/.test(key) && !node.writeOnly)
      .map(([key]) => key)
    // The path of a PEM file is no secret.
    expect(open).toEqual(['kafka.tls.key'])
  })
})
