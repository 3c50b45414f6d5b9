import type { ReplayProgress } from '../stages/replay.ts'
import { isoMicros } from '../telemetry/time.ts'

/** A progress line on stderr: redrawn in place on a terminal, silent elsewhere (a log file wants no progress bars). */
export interface Progress {
  update(text: string): void
  done(text?: string): void
}

export function createProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  if (!stream.isTTY) return { update: () => {}, done: (text) => text && stream.write(`${text}\n`) }
  let last = 0
  return {
    update(text) {
      const now = performance.now()
      if (now - last < 100) return
      last = now
      stream.write(`\r\x1b[K${text.slice(0, (stream.columns ?? 80) - 1)}`)
    },
    done(text) {
      stream.write(`\r\x1b[K${text ? `${text}\n` : ''}`)
    },
  }
}

/** `[#####-----]  48 %` for a share in 0..1. */
export function bar(share: number, width = 24): string {
  const filled = Math.max(0, Math.min(width, Math.round(share * width)))
  return `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}] ${String(Math.floor(share * 100)).padStart(3)} %`
}

/** `120000 events  40000/s  at 2026-03-01T12:00Z  9 s left`, after the bar: how far something has come in `seconds`. */
export function travelled({ share, events, watermark }: ReplayProgress, seconds: number): string {
  const parts = [bar(share), `${events} events`]
  if (seconds > 0) parts.push(`${Math.round(events / seconds)}/s`)
  if (watermark !== null) parts.push(`at ${isoMicros(watermark).slice(0, 16)}Z`)
  // The first moments say little about the rest.
  if (seconds >= 1 && share >= 0.01 && share < 1) parts.push(`${roughly((seconds * (1 - share)) / share)} left`)
  return parts.join('  ')
}

function roughly(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}
