import type { Evidence } from '../detection/contract.ts'
import type { Observation } from '../detection/observation.ts'
import type { Subject } from '../telemetry/events.ts'
import { boolean, bytes, type Field, list, nullable, number, oneOf, struct, text } from './fields.ts'

const subject = struct<Subject>({
  kind: oneOf('principal', 'credential', 'cluster', 'source', 'shard', 'client', 'run', 'model', 'layer', 'series', 'service', 'fleet'),
  id: text,
})

type EvidenceValue = Evidence[string]

const kinds = ['null', 'text', 'number', 'boolean'] as const
const kindOf = (value: EvidenceValue) => (value === null ? 0 : typeof value === 'string' ? 1 : typeof value === 'number' ? 2 : 3)

const evidenceValue: Field<EvidenceValue> = {
  write: (writer, value) => {
    writer.u8(kindOf(value))
    if (typeof value === 'string') text.write(writer, value)
    else if (typeof value === 'number') number.write(writer, value)
    else if (typeof value === 'boolean') boolean.write(writer, value)
  },
  read: (reader) => {
    switch (kinds[reader.u8()]) {
      case 'null':
        return null
      case 'text':
        return text.read(reader)
      case 'number':
        return number.read(reader)
      case 'boolean':
        return boolean.read(reader)
      default:
        throw new RangeError('evidence of a kind that is not known')
    }
  },
}

const entries = list(struct<{ readonly name: string; readonly value: EvidenceValue }>({ name: text, value: evidenceValue }))

const evidence: Field<Evidence> = {
  write: (writer, value) =>
    entries.write(
      writer,
      Object.entries(value).map(([name, each]) => ({ name, value: each })),
    ),
  read: (reader) => Object.fromEntries(entries.read(reader).map(({ name, value }) => [name, value])),
}

/** `quietMicros` is absent, not null, where a finding does not say it: alerts are compared byte for byte. */
type Sent = Omit<Observation, 'quietMicros'> & { readonly quietMicros: number | null }

const sent = struct<Sent>({
  time: number,
  detector: text,
  category: oneOf('extraction', 'poisoning', 'activation', 'signal', 'trust'),
  subject,
  members: list(subject),
  population: text,
  model: nullable(text),
  service: text,
  environment: text,
  run: nullable(text),
  score: number,
  pValue: nullable(number),
  ref: text,
  traceId: nullable(text),
  metric: nullable(text),
  events: number,
  firstSeen: number,
  lastSeen: number,
  samplingRatio: nullable(number),
  evidence,
  quietMicros: nullable(number),
  sketch: nullable(bytes),
})

/** An observation, whole. */
export const observation: Field<Observation> = {
  write: (writer, value) => sent.write(writer, { ...value, quietMicros: value.quietMicros ?? null }),
  read: (reader) => {
    const { quietMicros, ...rest } = sent.read(reader)
    return quietMicros === null ? rest : { ...rest, quietMicros }
  },
}
