import { drawnDigits } from './eval/poisoning/drawn-digits.ts'
import { sampleRun } from './eval/poisoning/sample-runs.ts'
import { samplesCost } from './eval/poisoning-samples.ts'
import type { Report } from './support/report.ts'

/** What a training sample costs: a run of 20 sources and 32 activation dimensions, made from a seed. */
export async function run(): Promise<Report> {
  return samplesCost(sampleRun('cost', [], drawnDigits()).events)
}
