import type { Category } from '../telemetry/events.ts'

export interface Tags {
  /** Technique ids of MITRE ATLAS. */
  readonly atlas: readonly string[]
  /** Entries of the OWASP Top 10 for LLM Applications 2025. */
  readonly owasp: readonly string[]
}

/** Names of every technique and entry that the table below uses. */
export const techniqueNames: Readonly<Record<string, string>> = {
  'AML.T0018': 'Manipulate AI Model',
  'AML.T0020': 'Poison Training Data',
  'AML.T0024': 'Exfiltration via AI Inference API',
  'AML.T0024.000': 'Infer Training Data Membership',
  'AML.T0024.002': 'Extract AI Model',
  'AML.T0040': 'AI Model Inference API Access',
  'AML.T0043': 'Craft Adversarial Data',
  'LLM02:2025': 'Sensitive Information Disclosure',
  'LLM03:2025': 'Supply Chain',
  'LLM04:2025': 'Data and Model Poisoning',
  'LLM10:2025': 'Unbounded Consumption',
}

const byCategory: Readonly<Record<Category, Tags>> = {
  extraction: { atlas: ['AML.T0024', 'AML.T0024.002', 'AML.T0040'], owasp: ['LLM10:2025'] },
  poisoning: { atlas: ['AML.T0020'], owasp: ['LLM04:2025'] },
  activation: { atlas: ['AML.T0018', 'AML.T0043'], owasp: ['LLM04:2025'] },
  signal: { atlas: [], owasp: [] },
  trust: { atlas: [], owasp: ['LLM03:2025'] },
}

/** What a detector adds to the tags of its category. */
const byDetector: Readonly<Record<string, Tags>> = {
  'probe-parameters': { atlas: ['AML.T0024.000'], owasp: ['LLM02:2025'] },
}

/** Tags of an incident: those of its category and of every detector that saw it, sorted, each once. */
export function tagsOf(category: Category, detectors: readonly string[]): Tags {
  const all = [byCategory[category], ...detectors.map((name) => byDetector[name]).filter((tags) => tags !== undefined)]
  return {
    atlas: [...new Set(all.flatMap((tags) => tags.atlas))].sort(),
    owasp: [...new Set(all.flatMap((tags) => tags.owasp))].sort(),
  }
}
