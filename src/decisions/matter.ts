import type { Observation } from '../detection/observation.ts'
import type { Category, Subject } from '../telemetry/events.ts'

/**
 * What an incident is about: one subject in one category, of one environment, within a training run where it belongs to one, else at the model
 * whose calls told of it, else in its service. Which of the tests noticed makes no difference.
 */
export interface Matter {
  readonly category: Category
  readonly subject: Subject
  /** Unique. */
  readonly key: string
  /** The matters that a flood is counted over: the same without the subject. */
  readonly scope: string
}

type Seen = Pick<Observation, 'category' | 'environment' | 'run' | 'model' | 'service' | 'population' | 'subject'>

/** The kind and name of what a matter lies in. A layer told of by metrics bears its bare name: its population says which run's it is. */
function placeOf({ run, model, service, population, subject }: Seen): readonly ['run' | 'model' | 'service' | 'layers', string] {
  if (run !== null) return ['run', run]
  if (model !== null) return ['model', model]
  return subject.kind === 'layer' ? ['layers', population] : ['service', service]
}

export function matterOf(seen: Seen): Matter {
  const { category, environment, subject } = seen
  const scope = [category, environment, ...placeOf(seen)].join('\u0000')
  return { category, subject, scope, key: `${scope}\u0000${subject.kind}\u0000${subject.id}` }
}

/** Kind and name of a scope's place, as a reader is told: `model acme-chat`. */
export function placeOfScope(scope: string): { readonly kind: string; readonly name: string } {
  const [, environment, kind, name] = scope.split('\u0000')
  return { kind: kind!, name: name || environment || 'unnamed' }
}
