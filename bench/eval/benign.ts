import type { Report } from '../support/report.ts'
import { benignDays } from './benign-days.ts'
import { benignRuns } from './benign-runs.ts'
import { benignSizes, type SizesBySet } from './benign-sizes.ts'

/** Measured false alarms at several budgets: days of benign traffic, and clean runs; and how often p-values are small there. */
export async function run(): Promise<readonly Report[]> {
  const sizes: SizesBySet = new Map()
  const reports = [await benignDays(sizes), await benignRuns(sizes)].filter((report) => report !== null)
  return reports.length === 0 ? [] : [...reports, benignSizes(sizes)]
}
