import { join } from 'node:path'
import protobuf from 'protobufjs'
import { type PlannedCall, planTraffic } from '../../examples/model-service/traffic.ts'

/** Telemetry of the simulated model service as export requests, in time order: ordinary days, then an attack. */
export interface OtlpTraffic {
  /** OTLP/JSON export requests. */
  readonly requests: readonly ExportRequest[]
  readonly calls: number
  /** The account that copies the model. */
  readonly attacker: string
}

const CALLS_PER_REQUEST = 50

/** `now`: milliseconds, where the ordinary days end. The same arguments give the same traffic. */
export function otlpTraffic({ seed = 1, now, people = 120 }: { seed?: number; now: number; people?: number }): OtlpTraffic {
  const plan = planTraffic({ seed, now, people, days: 2, liveSeconds: 40, attackCalls: 300 })
  const calls = [...plan.history, ...plan.live]
  const requests: ExportRequest[] = []
  for (let from = 0; from < calls.length; from += CALLS_PER_REQUEST) {
    requests.push(exportRequest(calls.slice(from, from + CALLS_PER_REQUEST).map((call, index) => spanOf(call, from + index))))
  }
  return { requests, calls: calls.length, attacker: plan.attacker }
}

interface ExportRequest {
  readonly resourceSpans: readonly [
    { readonly resource: object; readonly scopeSpans: readonly [{ readonly scope: object; readonly spans: readonly object[] }] },
  ]
}

/** How many calls an export request of `otlpTraffic` holds. */
export function callsIn({ resourceSpans }: ExportRequest): number {
  return resourceSpans[0].scopeSpans[0].spans.length
}

function exportRequest(spans: readonly object[]): ExportRequest {
  const attributes = [text('service.name', 'model-service'), text('deployment.environment.name', 'test')]
  return { resourceSpans: [{ resource: { attributes }, scopeSpans: [{ scope: { name: 'test' }, spans }] }] }
}

function spanOf({ at, durationMs, caller, request }: PlannedCall, number: number): object {
  const id = (number + 1).toString(16)
  return {
    traceId: id.padStart(32, '0'),
    spanId: id.padStart(16, '0'),
    name: 'chat tide-chat-1',
    kind: 2,
    startTimeUnixNano: `${at}000000`.replace(/\.\d+/, ''),
    endTimeUnixNano: `${Math.round(at + durationMs)}000000`,
    attributes: [
      text('gen_ai.operation.name', 'chat'),
      text('gen_ai.request.model', 'tide-chat-1'),
      text('user.id', caller.id),
      text('client.address', caller.address),
      text('gen_ai.input.messages', JSON.stringify([{ role: 'user', parts: [{ type: 'text', content: request.prompt }] }])),
      integer('gen_ai.usage.input_tokens', request.inputTokens),
      integer('gen_ai.usage.output_tokens', request.outputTokens),
    ],
  }
}

function text(key: string, stringValue: string): object {
  return { key, value: { stringValue } }
}

function integer(key: string, value: number): object {
  return { key, value: { intValue: String(Math.round(value)) } }
}

const root = new protobuf.Root()
root.resolvePath = (_origin, target) => join(import.meta.dirname, '../fixtures/otlp', target.split('/').at(-1)!)
const exportType = root.loadSync('trace.proto').lookupType('ExportTraceServiceRequest')

/** The same request as OTLP protobuf, by protobufjs. */
export function protobufOf(request: object): Buffer {
  const bytes = JSON.parse(JSON.stringify(request), (key, value) =>
    key === 'traceId' || key === 'spanId' ? Buffer.from(value, 'hex').toString('base64') : value,
  )
  return Buffer.from(exportType.encode(exportType.fromObject(bytes)).finish())
}
