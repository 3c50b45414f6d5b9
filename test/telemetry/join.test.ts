import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Event } from '../../src/telemetry/events.ts'
import { JoinWindow } from '../../src/telemetry/join.ts'
import { calls, chat, hexId, mapperWith, mapSpans, noon, type SpanSketch, toolCalls, traces } from './support.ts'

const mapper = mapperWith()

function ids(events: readonly Event[]): string[] {
  return calls(events).map(({ spanId }) => Buffer.from(spanId, 'hex').toString().replaceAll('\0', ''))
}

describe('spans of one call in one request', () => {
  it('count once: the outermost, with its own attributes first and those of the others besides', () => {
    const { events, ignored } = mapSpans([
      {
        id: 'inner',
        parent: 'outer',
        attributes: chat({ 'gen_ai.response.model': 'real', 'gen_ai.request.max_tokens': 9, 'tidewatch.link.org': 'acme' }),
      },
      { id: 'outer', attributes: chat({ 'gen_ai.request.model': 'alias', 'gen_ai.request.max_tokens': 7 }) },
    ])
    expect(ids(events)).toEqual(['outer'])
    expect(calls(events)[0]).toMatchObject({ requestModel: 'alias', model: { name: 'real' }, request: { maxTokens: 7 } })
    expect(calls(events)[0]!.links).toEqual([{ kind: 'org', value: 'acme' }])
    expect(ignored).toEqual({ same_call: 1 })
  })

  it('have the best identity of all of them, whichever span has it', () => {
    const { events } = mapSpans([
      { id: 'outer', attributes: chat({ 'session.id': 's' }) },
      { id: 'middle', parent: 'outer', attributes: chat({ 'gen_ai.user': 'claimed' }) },
      { id: 'inner', parent: 'middle', attributes: chat({ 'enduser.id': 'alice' }) },
    ])
    expect(calls(events).map(({ principal }) => principal?.id)).toEqual(['alice'])
    expect(calls(events)[0]!.links).toEqual([
      { kind: 'identity', value: 's' },
      { kind: 'identity', value: 'claimed' },
    ])
  })

  it('may have clients and servers between them, but no tools, agents or functions', () => {
    const through = (attributes: Record<string, unknown>, kind: number) =>
      ids(
        mapSpans([
          { id: 'outer', attributes: chat() },
          { id: 'between', parent: 'outer', kind, attributes },
          { id: 'inner', parent: 'between', attributes: chat() },
        ]).events,
      )
    expect(through({}, 3)).toEqual(['outer'])
    expect(through({}, 2)).toEqual(['outer'])
    expect(through({}, 1)).toEqual(['outer', 'inner'])
    expect(through({ 'gen_ai.operation.name': 'execute_tool' }, 3)).toEqual(['outer', 'inner'])
    expect(through({ 'openinference.span.kind': 'AGENT' }, 3)).toEqual(['outer', 'inner'])
  })

  it('keep the error of the outermost: a try that failed inside a call that did not is no failed call', () => {
    const inner: SpanSketch = { id: 'inner', parent: 'outer', status: 2, attributes: chat({ 'error.type': 'RateLimitError' }) }
    expect(calls(mapSpans([inner, { id: 'outer', attributes: chat() }]).events)[0]).toMatchObject({ error: false, errorType: null })
    expect(calls(mapSpans([inner, { id: 'outer', status: 2, attributes: chat() }]).events)[0]).toMatchObject({
      error: true,
      errorType: 'RateLimitError',
    })
  })

  it("takes LiteLLM's raw request for its parent's, and never for a call", () => {
    const raw: SpanSketch = {
      id: 'raw',
      parent: 'call',
      name: 'raw_gen_ai_request',
      attributes: { 'llm.openai.logprobs': true, 'llm.openai.top_logprobs': 5, 'llm.openai.logit_bias': "{'1734': 100, '9': -5}" },
    }
    const { events } = mapSpans([raw, { id: 'call', attributes: chat() }], { scope: 'litellm' })
    expect(ids(events)).toEqual(['call'])
    expect(calls(events)[0]!.request).toMatchObject({ logprobs: true, topLogprobs: 5, logitBiasCount: 2 })
    expect(mapSpans([raw], { scope: 'litellm' })).toMatchObject({ events: [], ignored: { raw_request: 1 } })
  })

  it('survive loops of parents', () => {
    const { events } = mapSpans([
      { id: 'a', parent: 'b', attributes: chat() },
      { id: 'b', parent: 'a', attributes: chat() },
      { id: 'c', parent: 'c', attributes: chat() },
    ])
    expect(events.length).toBeGreaterThan(0)
  })
})

describe('spans of one call in two traces', () => {
  const library = (start: number): SpanSketch => ({
    trace: 't2',
    id: 'sdk',
    start,
    end: start + 100,
    attributes: chat({ 'gen_ai.response.id': 'msg-1' }),
  })
  const instrumentation: SpanSketch = {
    trace: 't1',
    id: 'own',
    start: noon,
    end: noon + 1000,
    attributes: { 'openinference.span.kind': 'LLM', 'gen_ai.response.id': 'msg-1', 'user.id': 'alice' },
  }
  const both = (start: number, scopes: [string, string]) => {
    const first = mapperWith()
    const request = { spans: [instrumentation, library(start)] }
    // Two scopes in one request.
    const a = mapSpansOf(first, request.spans[0]!, scopes[0])
    const b = mapSpansOf(first, request.spans[1]!, scopes[1])
    return first.map(
      { signal: 'traces', scopes: [...a, ...b], clamped: {} },
      { topic: 't', epoch: '', partition: 0, offset: 0, timestampMillis: 0 },
    )
  }

  it('are one where they share the response id, overlap, and come from two instrumentations', () => {
    const { events } = both(noon + 10, ['openinference.instrumentation.anthropic', 'com.anthropic.sdk.python'])
    expect(ids(events)).toEqual(['own'])
    expect(calls(events)[0]!.principal?.id).toBe('alice')
  })

  it('are two where the answer came from a cache later, or one library sent both', () => {
    expect(ids(both(noon + 5000, ['a', 'b']).events)).toEqual(['own', 'sdk'])
    expect(ids(both(noon + 10, ['a', 'a']).events)).toEqual(['own', 'sdk'])
  })
})

describe('a call whose parent is in another request', () => {
  const outer: SpanSketch = { id: 'outer', attributes: chat({ 'enduser.id': 'alice' }) }
  const inner: SpanSketch = { id: 'inner', parent: 'outer', attributes: chat({ 'gen_ai.response.model': 'real' }) }

  it('waits for it, and becomes part of it', () => {
    const window = mapper.createWindow()
    expect(mapSpans([inner], { mapper, window, offset: 1 }).events).toEqual([])
    const { events } = mapSpans([outer], { mapper, window, offset: 2 })
    expect(ids(events)).toEqual(['outer'])
    expect(calls(events)[0]).toMatchObject({ model: { name: 'real' }, position: { offset: 2, index: 0 } })
    expect(mapper.flushAll(window).events).toEqual([])
  })

  it('is given out as soon as its parent turns out to be no call', () => {
    const window = mapper.createWindow()
    mapSpans([inner], { mapper, window, offset: 1 })
    const { events } = mapSpans([{ id: 'outer', attributes: { 'openinference.span.kind': 'CHAIN' } }], { mapper, window, offset: 2 })
    expect(ids(events)).toEqual(['inner'])
    expect(calls(events)[0]).toMatchObject({ possibleDuplicate: false, position: { offset: 2, index: 0 } })
  })

  it('is not counted where its parent was counted before', () => {
    const window = mapper.createWindow()
    expect(ids(mapSpans([outer], { mapper, window, offset: 1 }).events)).toEqual(['outer'])
    expect(mapSpans([inner], { mapper, window, offset: 2 })).toMatchObject({ events: [], ignored: { same_call_late: 1 } })
  })

  it('is given out when the window has passed, and says that it may be counted twice', () => {
    const window = mapper.createWindow()
    mapSpans([inner], { mapper, window, offset: 1 })
    const later: SpanSketch = { trace: 'other', id: 'x', start: noon + 11_000_000, attributes: chat() }
    const { events } = mapSpans([later], { mapper, window, offset: 2 })
    expect(ids(events)).toEqual(['inner', 'x'])
    expect(calls(events).map(({ possibleDuplicate }) => possibleDuplicate)).toEqual([true, false])
    expect(calls(events).map(({ position }) => position.index)).toEqual([0, 1])
    expect(ids(mapSpans([outer], { mapper, window, offset: 3 }).events)).toEqual(['outer'])
  })

  it('is given out by the clock when nothing else arrives, behind all that was given out before', () => {
    const window = mapper.createWindow()
    mapSpans([{ trace: 'other', id: 'x', attributes: chat() }, inner], { mapper, window, offset: 4 })
    expect(mapper.flush(window, noon + 5_000_000).events).toEqual([])
    const { events } = mapper.flush(window, noon + 20_000_000)
    expect(calls(events)[0]).toMatchObject({ possibleDuplicate: true, position: { offset: 4, index: 1 } })
  })

  it('is given out without doubt at the end of the log', () => {
    const window = mapper.createWindow()
    mapSpans([inner], { mapper, window })
    expect(calls(mapper.flushAll(window).events)[0]).toMatchObject({ possibleDuplicate: false })
  })

  it('makes room for others, oldest first, when too many wait', () => {
    const small = mapperWith({ ingest: { joinSpans: 3 } })
    const window = small.createWindow()
    const waiting = Array.from({ length: 5 }, (_, i): SpanSketch => ({ trace: `t${i}`, id: `w${i}`, parent: `p${i}`, attributes: chat() }))
    expect(ids(mapSpans(waiting, { mapper: small, window }).events)).toEqual(['w0', 'w1'])
    expect(window.size).toBe(3)
  })

  it('is not joined with a span of the same id in another trace', () => {
    const window = mapper.createWindow()
    mapSpans([inner], { mapper, window })
    expect(ids(mapSpans([{ ...outer, trace: 'other' }], { mapper, window }).events)).toEqual(['outer'])
    expect(ids(mapper.flushAll(window).events)).toEqual(['inner'])
  })

  it('waits on over a restart', () => {
    const before = mapper.createWindow()
    mapSpans([{ ...inner, attributes: chat({ 'gen_ai.response.model': 'real', 'tidewatch.input.embedding': [1, 2, 3] }) }], {
      mapper,
      window: before,
    })
    const after = mapper.createWindow()
    after.decode(before.encode())
    const { events } = mapSpans([outer], { mapper, window: after, offset: 9 })
    expect(calls(events)[0]).toMatchObject({ spanId: hexId('outer', 16), model: { name: 'real' }, embedding: Float32Array.of(1, 2, 3) })
  })

  it('leaves no prompt text in what is saved', () => {
    const window = mapper.createWindow()
    mapSpans([{ ...inner, attributes: chat({ 'gen_ai.prompt.0.role': 'user', 'gen_ai.prompt.0.content': 'my secret question' }) }], {
      mapper,
      window,
    })
    expect(Buffer.from(window.encode()).includes('secret')).toBe(false)
    expect(calls(mapper.flushAll(window).events)[0]!.fingerprint).toMatch(/^[0-9a-f]{16}$/)
  })

  it('counts a span once where a request is sent again', () => {
    const window = mapper.createWindow()
    mapSpans([outer], { mapper, window })
    expect(mapSpans([outer], { mapper, window })).toMatchObject({ events: [], ignored: { duplicate_span: 1 } })
  })
})

/** Calls, carriers, steps and tools in trees of up to 12 spans. */
const trees = fc
  .array(
    fc.record({
      parent: fc.nat(),
      role: fc.constantFrom('call', 'transport', 'step', 'tool', 'other'),
      order: fc.nat(),
      cut: fc.boolean(),
    }),
    {
      minLength: 1,
      maxLength: 12,
    },
  )
  .map((nodes) =>
    nodes.map(({ parent, role, order, cut }, index) => {
      const attributes: Record<string, unknown> =
        role === 'call'
          ? chat()
          : role === 'tool'
            ? { 'gen_ai.operation.name': 'execute_tool' }
            : role === 'step'
              ? { 'openinference.span.kind': 'CHAIN' }
              : {}
      const span: SpanSketch = {
        id: `n${index}`,
        ...(index === 0 || parent % 5 === 4 ? {} : { parent: `n${parent % index}` }),
        kind: role === 'transport' ? 2 : 1,
        start: noon + index * 1000,
        attributes,
      }
      return { span, order, cut }
    }),
  )

describe('however the spans of a trace are split over requests, and in whatever order these arrive', () => {
  it('the same calls count', () => {
    fc.assert(
      fc.property(trees, (nodes) => {
        const whole = mapSpans(
          nodes.map(({ span }) => span),
          { mapper },
        )
        const window = new JoinWindow(10, 1000)
        const found: Event[] = []
        let request: SpanSketch[] = []
        const shuffled = [...nodes].sort((a, b) => a.order - b.order)
        for (const { span, cut } of shuffled) {
          request.push(span)
          if (!cut) continue
          found.push(...mapSpans(request, { mapper, window }).events)
          request = []
        }
        found.push(...mapSpans(request, { mapper, window }).events, ...mapper.flushAll(window).events)
        expect(ids(found).sort()).toEqual(ids(whole.events).sort())
        expect(toolCalls(found)).toHaveLength(toolCalls(whole.events).length)
      }),
      { numRuns: 500 },
    )
  })

  it('a window that is saved and loaded between requests changes nothing', () => {
    fc.assert(
      fc.property(trees, (nodes) => {
        const run = (save: boolean): unknown => {
          let window = new JoinWindow(10, 1000)
          const found: Event[] = []
          nodes.forEach(({ span }, offset) => {
            found.push(...mapSpans([span], { mapper, window, offset }).events)
            if (!save) return
            const next = new JoinWindow(10, 1000)
            next.decode(window.encode())
            window = next
          })
          return [...found, ...mapper.flushAll(window).events]
        }
        expect(run(true)).toEqual(run(false))
      }),
      { numRuns: 100 },
    )
  })
})

function mapSpansOf(target: typeof mapper, span: SpanSketch, scope: string) {
  return traces(target.keys, [span], { scope }).scopes
}
