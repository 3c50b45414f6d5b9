import { detectors } from '../../src/detection/registry.ts'
import { countUpTo, PValueSizes, type Tests } from '../support/p-value-sizes.ts'
import type { Report } from '../support/report.ts'

export type SizesBySet = Map<string, PValueSizes>

const levels = [0.1, 0.01, 1e-3, 1e-4] as const

export function sizesOf(sizes: SizesBySet, set: string): PValueSizes {
  const found = sizes.get(set) ?? new PValueSizes()
  sizes.set(set, found)
  return found
}

/** How often each detector's p-values are small on benign traffic, over how often they may be. */
export function benignSizes(sizes: SizesBySet): Report {
  const rows: string[][] = []
  for (const { name } of detectors) {
    const found = [...sizes].flatMap(([set, one]) => {
      const tests = one.tests().get(name)
      return tests === undefined ? [] : [{ set, tests }]
    })
    if (found.length === 0) rows.push([name, 'says nothing on any of them', '', '', ...levels.map(() => '')])
    for (const { set, tests } of found) rows.push([name, set, tests.unit, String(tests.count), ...levels.map((p) => ratio(tests, p))])
  }
  return {
    title: 'p-values of each detector on the same benign traffic',
    about:
      'Times as often as stated that a test comes to so small a p-value, in brackets how many did; below one is conservative. A test is a look, or ' +
      'all looks at one subject on a day or in a run together. A detector with a null of its own has tested everybody who was there, one whose scores are ' +
      'ranked those whom it spoke of after warm-up. Stretches of one set share subjects, so few independent ones stand behind the smallest p-values.',
    columns: ['detector', 'set', 'test', 'tests', ...levels.map((p) => `p <= ${p}`)],
    rows,
    promises: [],
  }
}

function ratio(tests: Tests, p: number): string {
  const count = countUpTo(tests, p)
  return `${(count / tests.count / p).toPrecision(2)} (${count})`
}
