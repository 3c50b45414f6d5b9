import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..', '..')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, Record<string, string>>
const page = readFileSync(join(root, 'docs', 'dependencies.md'), 'utf8')

const sectionOf: Readonly<Record<string, string>> = {
  dependencies: 'At run time',
  optionalDependencies: 'Optional',
  devDependencies: 'For development',
  overrides: 'Overrides',
}

describe('docs/dependencies.md', () => {
  it.each(Object.entries(sectionOf))('says of all %s why, and of nothing else', (group, title) => {
    const section = page.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? ''
    const listed = [...section.matchAll(/^\| `([^`]+)` \| \S/gm)].map(([, name]) => name)
    expect(listed.toSorted()).toEqual(Object.keys(manifest[group]).toSorted())
  })

  it('is right that versions are exact', () => {
    const versions = Object.keys(sectionOf).flatMap((group) => Object.entries(manifest[group]))
    for (const [name, version] of versions) expect(version, name).toMatch(/^\d+\.\d+\.\d+$/)
  })
})
