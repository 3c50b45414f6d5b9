import type { Category, Event, EventKind, Subject } from '../telemetry/events.ts'

/**
 * What a detector is. One file `detectors/<category>/<name>.ts` exports one definition, and `registry.ts` lists it. A detector knows
 * nothing of thresholds, alerts, Kafka or storage: it turns events into scores, and everything after the score is shared.
 *
 * Two halves, because the stages of the pipeline see different things:
 * - the **subject half** (`Detector`) runs where the events of one subject come together. It holds a small state a subject and says
 *   something (a `Finding`) when the subject's statistic has something new to say, at growing counts and not at every event;
 * - the **reference half** (`Reference`, optional) runs in the one decide stage and compares a subject's sketch with those of the
 *   others of the same population. A detector whose score needs no population leaves it out: its scores are ranked as they come.
 */
export interface DetectorDefinition<State = unknown> {
  /** Unique, kebab-case, the same as the file's name. */
  readonly name: string
  readonly category: Category
  /** Grows when the state's encoding or the meaning of the score changes; states of another version are rebuilt from the log. */
  readonly version: number
  /** One line for people, shown as the alert's title. `{subject}` is replaced by the subject's kind and id. */
  readonly title: string
  readonly consumes: readonly EventKind[]
  /** How many subjects keep a state at once. The subject that was silent longest makes room, and is counted. */
  readonly maxSubjects: number
  /** What the score means to a reader: `value(score)` is in the unit that `name` says. */
  readonly quantity: { readonly name: string; value(score: number): number }
  /** The least that benign subjects' scores are taken to scatter (standard deviation), where few of them show any difference. */
  readonly leastSpread: number
  /** Relative weight in the one fused test of the category: how often this detector is expected to be the one that finds something. */
  readonly weight: number
  /** Smallest score worth a person's time, however sure it is. */
  readonly effectFloor: number
  /**
   * Every finding has an exact p-value that is valid for this one look, not over all looks together: the points of a series, the steps of
   * a run. The decide stage spreads the level of the state (its population's name must be its own) over its looks, ranks nothing and keeps
   * nothing of looks that are not suspicious. Null p-values are warm-up.
   */
  readonly perLook?: boolean
  /**
   * The detector whose finding about the same event this one builds on; it meets the event first. Where it is switched off it runs all
   * the same, and what it says is heard here only.
   */
  readonly hears?: DetectorDefinition
  /** Builds the subject half. All randomness comes from `seed`; two builds with one seed are the same. */
  build(seed: string): Detector<State>
  /** Builds the reference half of one population, where the score needs one. */
  buildReference?(): Reference
  /** Streams for the conformance suite and the documentation: in `anomalous` the subject must be found, `benign` must stay silent. */
  readonly example: { readonly subject: Subject; anomalous(): Event[]; benign(): Event[] }
}

export interface Detector<State> {
  /** The subjects whose state sees the event: none, or for instance a principal and its credential. */
  subjects(event: Event): readonly Keyed[]
  create(): State
  /**
   * Changes `state` by one event. The event is not kept and not changed. Never throws, never gives a score that is not finite. `heard`
   * is what the detector that this one `hears` found in the event, null where that is nothing.
   */
  update(state: State, event: Event, heard?: Finding | null): Finding | null
  /** Compact bytes from which `decode` makes an equal state. */
  encode(state: State): Uint8Array
  decode(bytes: Uint8Array): State
  /** Where that no event comes is news too. */
  readonly quiet?: Quiet<State>
}

/** How a detector hears that the log's time goes on without events of a subject. Times are microseconds of event time. */
export interface Quiet<State> {
  /** When the state wants to be asked, should no event come before; infinite: never. Read after every event and every asking. */
  due(state: State): number
  /** What the state has to say at `time`, which is `due` or later. Changes the state like an event does. */
  ask(state: State, time: number): Finding | null
}

export interface Keyed {
  readonly subject: Subject
  /**
   * Name of the group of subjects that this one is compared with. Subjects of one population are of one kind and see one model;
   * they are the unit of the null hypothesis: people are topical, so it is never the single call.
   */
  readonly population: string
}

/** What a state has to say after an event. */
export interface Finding {
  /**
   * Whom the finding is about, where one state sees many subjects together: the sources of a training run, the clients of a federation.
   * Absent where it is the state's own subject. The population is the state's in either case.
   */
  readonly about?: About
  /** Further findings of the same event, about other subjects. */
  readonly also?: readonly Finding[]
  /**
   * Higher is more anomalous, on a natural-log scale: one unit is a factor e in the underlying effect. On this scale benign scores are
   * about normal in their upper half, which is what the shared conversion to p-values builds on (and checks, quantile by quantile).
   */
  readonly score: number
  /**
   * Where the statistic has an exact or permutation null; else null, and the decide stage ranks the score. A subject is looked at again
   * and again, and the smallest p-value of a day (of a run, for training) is believed: it must be valid over all looks together (see `perLook`).
   */
  readonly pValue: number | null
  /** Events behind the score. */
  readonly events: number
  /** What is wrong, where that is not the detector's own category: any value that is not finite is `activation`, whoever noticed. */
  readonly category?: Category
  /** After so long without suspicion an incident about the subject is over, microseconds; a day where absent. */
  readonly quietMicros?: number
  readonly evidence: Evidence
  /** Mergeable sketch for the reference half, null where there is none. */
  readonly sketch: Uint8Array | null
  /** For detectors that hear this one, and only until they have: neither kept nor sent on. */
  readonly whispered?: Readonly<Record<string, Float64Array>>
}

export interface About {
  readonly subject: Subject
  /** Further subjects that the alert must name: the source of a shard, the other clients of a clique. */
  readonly members?: readonly Subject[]
  /** Since when, as far as the detector knows, and until when: times of the first and last event behind the score, microseconds. */
  readonly firstSeen: number
  readonly lastSeen: number
}

/** Numbers and words that a reader can check. `fact`, where there is one, is the sentence that the alert begins with: what was seen, and what was expected. */
export type Evidence = Readonly<Record<string, string | number | boolean | null>>

/** Comparison of one population's subjects; lives in the decide stage. */
export interface Reference {
  /**
   * Score of a subject against all others, itself left out; null as long as the population is too small to say anything.
   * Takes the sketch in as the subject's newest, unless `learn` is false (subjects under suspicion must not teach the reference).
   */
  score(subject: string, sketch: Uint8Array, learn: boolean): { readonly score: number; readonly evidence: Evidence } | null
  /**
   * What all others would score now, ascending: the null of the subject's score, where the reference knows it. Without it, the highest scores that
   * they ever had are the null, which takes for granted that the reference hardly changes meanwhile. Not called before `score` gave one.
   */
  others?(subject: string): Float64Array
  /** Takes a subject out, because it turned out to be an attacker. */
  forget(subject: string): void
  /** Compact bytes from which `decode`, on a new reference, makes an equal one. */
  encode(): Uint8Array
  decode(bytes: Uint8Array): void
}

/** Checks nothing at run time; keeps a definition's state type together. */
export function defineDetector<State>(definition: DetectorDefinition<State>): DetectorDefinition<State> {
  return definition
}
