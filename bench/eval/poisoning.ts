import type { Report } from '../support/report.ts'
import { sampleReports } from './poisoning-samples.ts'

/** Poisoned training: samples of sources. */
export async function run(): Promise<Report[]> {
  return await sampleReports()
}
