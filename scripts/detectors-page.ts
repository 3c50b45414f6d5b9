import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DetectorDefinition } from '../src/detection/contract.ts'
import { detectors } from '../src/detection/registry.ts'

const root = join(import.meta.dirname, '..', 'detectors')

/** `docs/detectors/reference.md`: what the doc comment of every detector says. `tidewatch detectors show` prints sections of it. */
export function detectorsPage(): string {
  return `# Detectors

<!-- Made from the doc comments of detectors/*/*.ts by \`npm run docs\`; do not edit. -->

What each detector sees and compares, what it finds and misses, and where its statistic comes from. Figures as measured are on the pages of the families:
[extraction](extraction.md), [poisoned samples](poisoning.md), [federated updates](poisoning-federated.md), [activations](activation.md), [signals](signal.md).

${detectors.map(section).join('\n')}`
}

function section(definition: DetectorDefinition): string {
  const { name, category, version, consumes, maxSubjects, quantity, effectFloor, perLook } = definition
  const facts = [
    ['category', category],
    ['version', String(version)],
    ['consumes', consumes.join(', ')],
    ['keeps', `at most ${maxSubjects} states, who was silent longest makes room`],
    ['score means', quantity.name],
    ['silent below', `${quantity.value(effectFloor).toPrecision(3)} of that, however sure it is`],
    [
      'judged',
      perLook === true ? 'look by look, each with a p-value of its own' : 'against the population of its subjects, once a day or run',
    ],
  ]
  return `## ${name}\n\n${commentOf(name)}\n\n| | |\n|---|---|\n${facts.map(([fact, value]) => `| ${fact} | ${value} |`).join('\n')}\n`
}

/** The doc comment before the definition, a paragraph a line. Throws where there is none: a detector without one is not finished. */
function commentOf(name: string): string {
  const file = readdirSync(root)
    .map((folder) => join(root, folder, `${name}.ts`))
    .find((path) => existsSync(path))
  const text = file === undefined ? '' : readFileSync(file, 'utf8')
  const before = text.slice(0, text.search(/export const \w+ = defineDetector/))
  const comment = before.slice(before.lastIndexOf('/**') + 3, before.lastIndexOf('*/'))
  const paragraphs = comment
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trim())
    .join('\n')
    .trim()
    .split(/\n{2,}/)
    .map((paragraph) => paragraph.replaceAll('\n', ' ').replace(/^([A-Z][a-z]+(?: [a-z]+)?): /, '**$1:** '))
  if (paragraphs[0] === '') throw new Error(`${name} has no doc comment`)
  return paragraphs.join('\n\n')
}
