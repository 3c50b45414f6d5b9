import type { Report } from '../support/report.ts'
import { federatedReports } from './federated.ts'
import { madeReports } from './poisoning-made.ts'
import { sampleReports } from './poisoning-samples.ts'

/** Poisoned training: samples of sources, updates of clients; recorded runs, then runs made from a seed. */
export async function run(): Promise<Report[]> {
  return [...(await sampleReports()), ...(await federatedReports()), ...madeReports()]
}
