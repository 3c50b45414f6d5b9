import type { Report } from '../support/report.ts'
import { federatedReports } from './federated.ts'
import { sampleReports } from './poisoning-samples.ts'

/** Poisoned training: samples of sources, updates of clients. */
export async function run(): Promise<Report[]> {
  return [...(await sampleReports()), ...(await federatedReports())]
}
