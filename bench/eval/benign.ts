import type { Report } from '../support/report.ts'
import { benignDays } from './benign-days.ts'
import { benignRuns } from './benign-runs.ts'

/** Measured false alarms at several budgets: days of benign traffic, and clean runs. */
export async function run(): Promise<readonly Report[]> {
  return [await benignDays(), await benignRuns()].filter((report) => report !== null)
}
