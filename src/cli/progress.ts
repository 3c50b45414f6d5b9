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
