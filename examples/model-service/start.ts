import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { beginCall, endCall, startTelemetry } from './service.ts'
import { type PlannedCall, planTraffic } from './traffic.ts'

export interface TrafficProgress {
  readonly phase: 'history' | 'live'
  /** Calls whose spans the receiver accepted in this phase. */
  readonly sent: number
  readonly total: number
  /** Calls of the attacker among them. */
  readonly attackCalls: number
}

export interface TrafficOptions {
  /** Base URL of an OTLP/HTTP receiver. */
  readonly endpoint: string
  readonly seed: number
  /** Milliseconds since the epoch: where history ends. */
  readonly now: number
  readonly liveSeconds?: number
  readonly onProgress?: (progress: TrafficProgress) => void
  /** Ends the traffic early. */
  readonly signal?: AbortSignal
}

export interface Traffic {
  /** The account that will copy the model. */
  readonly attacker: string
  /** Resolves when all of history was accepted. */
  readonly history: Promise<void>
  /** Resolves when the live phase is over, or the signal ended it, and the SDK is shut down. */
  readonly done: Promise<void>
}

/** Sends the past days as fast as the receiver takes them, then plays the live phase by the clock. */
export function startTraffic({ endpoint, seed, now, liveSeconds, onProgress, signal }: TrafficOptions): Traffic {
  const plan = planTraffic({ seed, now, ...(liveSeconds === undefined ? {} : { liveSeconds }) })
  const telemetry = startTelemetry(endpoint)
  let stopping: Promise<void> | null = null
  const stop = () => {
    stopping ??= telemetry.stop()
    return stopping
  }
  if (signal) {
    // Every call in flight waits for it, too.
    setMaxListeners(0, signal)
    signal.addEventListener('abort', stop, { once: true })
  }
  const attackCallsOf = (calls: readonly PlannedCall[]) =>
    calls.filter(({ at, caller }) => caller.id === plan.attacker && at >= plan.attackFrom).length

  const sendHistory = async () => {
    for (let sent = 0; sent < plan.history.length && !signal?.aborted; ) {
      const some = plan.history.slice(sent, sent + 500)
      for (const call of some) endCall(begin(call, call.at), answerOf(call), call.at + call.durationMs)
      await telemetry.flush()
      sent += some.length
      onProgress?.({ phase: 'history', sent, total: plan.history.length, attackCalls: 0 })
    }
  }

  const playLive = async () => {
    const began = performance.now()
    const running = new Set<Promise<void>>()
    const ended: PlannedCall[] = []
    const report = async () => {
      const sent = [...ended]
      await telemetry.flush()
      onProgress?.({ phase: 'live', sent: sent.length, total: plan.live.length, attackCalls: attackCallsOf(sent) })
    }
    const reporting = setInterval(report, 250)
    for (const call of plan.live) {
      await pause(call.at - now - (performance.now() - began), signal)
      if (signal?.aborted) break
      const span = begin(call)
      const finished = pause(call.durationMs, signal).then(() => {
        endCall(span, answerOf(call))
        ended.push(call)
        running.delete(finished)
      })
      running.add(finished)
    }
    await Promise.all(running)
    clearInterval(reporting)
    if (!signal?.aborted) await report()
  }

  const history = sendHistory()
  const done = history.then(playLive).finally(stop)
  return { attacker: plan.attacker, history, done }
}

function begin({ caller, request, conversation }: PlannedCall, startTime?: number) {
  const { id: user, kind: userKind, address, userAgent } = caller
  const { prompt, maxTokens, temperature } = request
  return beginCall({ user, userKind, address, userAgent, conversation, prompt, maxTokens, temperature }, startTime)
}

function answerOf({ request }: PlannedCall) {
  const { inputTokens, outputTokens, maxTokens } = request
  const truncated = maxTokens !== null && outputTokens >= maxTokens
  return { inputTokens, outputTokens: truncated ? maxTokens : outputTokens, truncated }
}

/** Waits, and no longer than until the signal. */
async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (milliseconds > 0) await sleep(milliseconds, undefined, signal ? { signal } : {}).catch(() => {})
}
