import { existsSync, readFileSync, writeFileSync } from 'node:fs'

const path = `${import.meta.dirname}/../results.md`

/** Puts a section, which begins with `## NAME: `, into `bench/results.md`, in the place of its last one. */
export function writeSection(name: string, section: string): void {
  const page = existsSync(path)
    ? readFileSync(path, 'utf8')
    : '# Measured\n\nWritten by `npm run bench -- --write` and `npm run eval -- --write`; how to read it: `docs/benchmarks.md`.\n'
  const [head, ...sections] = page.split(/^(?=## )/m)
  const others = sections.filter((text) => !text.startsWith(`## ${name}: `)).map((text) => `${text.trimEnd()}\n`)
  writeFileSync(path, [`${head!.trimEnd()}\n`, ...[...others, section].sort()].join('\n'))
}
