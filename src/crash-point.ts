/**
 * Named places at which the fault tests end the process. `TIDEWATCH_CRASH_AT=point` or `point:n` kills it (SIGKILL) when it comes there for
 * the first or the nth time; docs/delivery.md lists the points. Without the variable this does nothing.
 */
let atPoint: ((point: string) => void) | null = fromEnvironment(process.env.TIDEWATCH_CRASH_AT)

export function reach(point: string): void {
  atPoint?.(point)
}

/** For tests inside one process: called at every point, may throw. Null takes it away. */
export function onReach(handler: ((point: string) => void) | null): void {
  atPoint = handler
}

function fromEnvironment(setting: string | undefined): typeof atPoint {
  if (!setting) return null
  const [name, count] = setting.split(':')
  let left = Number(count ?? 1)
  return (point) => {
    if (point === name && --left === 0) process.kill(process.pid, 'SIGKILL')
  }
}
