import type { Event, Principal } from '../telemetry/events.ts'
import { isoMicros } from '../telemetry/time.ts'

/** An event as `inspect --json` writes it. Nothing that is made of a prompt is in it but its length. */
export function inspectedEvent(event: Event): Record<string, unknown> {
  const time = isoMicros(event.time)
  switch (event.kind) {
    case 'call':
      return {
        kind: event.kind,
        time,
        traceId: event.traceId,
        spanId: event.spanId,
        dialect: event.dialect,
        principal: inspectedPrincipal(event.principal),
        model: { name: event.model.name, version: event.model.version, digest: event.model.digest },
        provider: event.provider,
        operation: event.operation,
        tokens: event.tokens,
        request: event.request,
        finishReason: event.finishReason,
        error: event.error,
        stream: event.stream,
        samplingRatio: event.samplingRatio,
        vectors: { embedding: event.embedding?.length ?? null, activation: event.activation?.vector.length ?? null },
      }
    case 'toolCall': {
      const { kind, traceId, spanId, tool, agent, error } = event
      return { kind, time, traceId, spanId, principal: inspectedPrincipal(event.principal), tool, agent, error }
    }
    case 'trainingSample': {
      const { kind, run, step, source, shard, sample, label, predicted, loss } = event
      return {
        kind,
        time,
        run,
        step,
        source,
        shard,
        sample,
        label,
        predicted,
        loss,
        vectors: { activation: event.activation?.vector.length ?? null },
      }
    }
    case 'trainingUpdate': {
      const { kind, run, round, client, norm, samples } = event
      return { kind, time, run, round, client, norm, samples, vectors: { sketch: event.sketch?.length ?? null } }
    }
    case 'metricPoint': {
      const { kind, service, series, metric, unit, layer, pointKind, value, count } = event
      // JSON has no NaN; it is written as OTLP/JSON writes it.
      return { kind, time, service, series, metric, unit, layer, pointKind, value: Number.isFinite(value) ? value : String(value), count }
    }
  }
}

function inspectedPrincipal(principal: Principal | null): Record<string, unknown> | null {
  return principal === null ? null : { id: principal.id, kind: principal.kind, source: principal.source }
}

export const tableHead = ['TIME', 'KIND', 'DIALECT', 'WHAT', 'WHO', 'TOKENS', 'DETAILS'] as const

/** An event as a row of the table. */
export function inspectedRow(event: Event): string[] {
  const time = isoMicros(event.time).slice(0, 23).replace('T', ' ')
  switch (event.kind) {
    case 'call':
      return [
        time,
        'call',
        event.dialect,
        `${event.operation} ${event.model.name}`,
        who(event.principal),
        tokens(event.tokens),
        callDetails(event),
      ]
    case 'toolCall':
      return [time, 'tool call', '', event.tool, who(event.principal), '', event.error ? 'failed' : '']
    case 'trainingSample':
      return [
        time,
        'sample',
        '',
        `${event.run} step ${event.step ?? '?'}`,
        named('source', event.source),
        '',
        details([
          `label ${event.label ?? '?'}`,
          `predicted ${event.predicted ?? '?'}`,
          numbered('loss', event.loss),
          size('activation', event.activation?.vector),
        ]),
      ]
    case 'trainingUpdate':
      return [
        time,
        'update',
        '',
        `${event.run} round ${event.round ?? '?'}`,
        named('client', event.client),
        '',
        details([numbered('norm', event.norm), numbered('samples', event.samples), size('sketch', event.sketch)]),
      ]
    case 'metricPoint':
      return [
        time,
        'point',
        '',
        event.series,
        event.service,
        '',
        details([`${event.pointKind} ${event.value}${event.unit === '' ? '' : ` ${event.unit}`}`, numbered('count', event.count)]),
      ]
  }
}

function callDetails(event: Event & { kind: 'call' }): string {
  const { maxTokens, temperature, logprobs, topLogprobs, logitBiasCount } = event.request
  return details([
    numbered('max', maxTokens),
    numbered('t', temperature),
    logprobs === true ? 'logprobs' : '',
    numbered('top', topLogprobs),
    numbered('bias', logitBiasCount),
    event.stream === true ? 'stream' : '',
    event.prediction?.label === undefined ? '' : `label ${event.prediction.label ?? '?'}`,
    event.finishReason ?? '',
    event.error ? `failed${event.errorType === null ? '' : ` (${event.errorType})`}` : '',
    size('embedding', event.embedding),
    size('activation', event.activation?.vector),
  ])
}

function who(principal: Principal | null): string {
  return principal === null ? '-' : `${principal.id} (${principal.source})`
}

function tokens({ input, output }: { readonly input: number | null; readonly output: number | null }): string {
  return input === null && output === null ? '' : `${input ?? '?'} > ${output ?? '?'}`
}

function details(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(', ')
}

function numbered(name: string, value: number | null): string {
  return value === null ? '' : `${name} ${value}`
}

function named(name: string, value: string | null): string {
  return value === null ? '-' : `${name} ${value}`
}

function size(name: string, vector: Float32Array | null | undefined): string {
  return vector === null || vector === undefined ? '' : `${name} ${vector.length}d`
}
