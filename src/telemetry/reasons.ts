/** Why a value inside of something that is used was clamped or dropped. A closed list; `docs/telemetry.md` shows it. */
export const clampReasons = {
  attribute_type: 'an attribute has a type that its field cannot be read from; the field is left to the next source',
  number_not_finite:
    'a number is NaN or infinite (values of metrics excepted: there it is a finding); the field is left to the next source',
  number_range: 'a count is negative; the field is left to the next source',
  json: 'an attribute that holds JSON text holds something else; nothing is read from it',
  time_past: "a time lies more than `ingest.clock.maxPast` before its record's append time; clamped to that",
  time_future: "a time lies more than `ingest.clock.maxFuture` after its record's append time; clamped to that",
  time_missing: 'a time is zero or no number; the append time is taken',
  duration: 'a span ends before it begins, or its begin is unknown; its duration is 0',
  vector_type: 'a vector is neither numbers, bytes nor base64 text; dropped',
  vector_empty: 'a vector has no elements; dropped',
  vector_too_long: 'a vector is longer than `ingest.maxVectorLength`; dropped',
  vector_length: 'the bytes of a vector are no multiple of 4; dropped',
  vector_base64: 'the text of a vector is no base64; dropped',
  vector_not_finite: 'a vector has elements that are NaN, infinite or beyond float32; dropped',
  vector_length_changed: 'a vector has another length than the last one of its model; taken as it is',
  activation_without_layer: 'an activation does not say of which layer it is; dropped',
  input_hash: 'a fingerprint or skeleton is not 16 hex digits; dropped',
  sampling_ratio: 'a sampling ratio is not in (0, 1]; dropped',
  injection_score: 'an injection score is outside of 0..1; clamped',
  identity_placeholder: 'an attribute holds a value that is the same for everybody; the next attribute is asked',
  identity_too_long: 'an identity is longer than 1024 characters; the next attribute is asked',
  principal_kind: 'a kind of principal that is not known; dropped',
  model_from_service: 'a call names no model; the name of its service is taken',
  json_type: 'a field of OTLP/JSON has the wrong type; absent',
  enum: 'an enumeration has a value that OTLP does not know; taken as unspecified',
  trace_id: 'a trace id is not 16 bytes; absent',
  span_id: 'a span id is not 8 bytes; absent',
  histogram_without_sum: 'a histogram has no sum (its values may be negative); 0 is taken',
  point_without_value: 'a metric point has no value; left out',
} as const satisfies Readonly<Record<string, string>>

/** Why a span or a log record became no event of its own. */
export const ignoreReasons = {
  not_a_call: 'nothing in the span says that it is a call of a model or of a tool',
  same_call: 'the span tells of a call that another span counts; its attributes went there',
  same_call_late: 'the same, but that call was given out before; its attributes came too late',
  raw_request: "LiteLLM's copy of a raw request whose call is not in the same request",
  duplicate_span: 'a span of this id was there before; the first one counts',
  log_repeats_call: 'a log record of the GenAI conventions: its span counts',
  log_not_an_event: 'a log record that is no event of training',
} as const satisfies Readonly<Record<string, string>>

export type Reason = keyof typeof clampReasons | keyof typeof ignoreReasons
