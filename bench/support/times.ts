/**
 * Times of seven repetitions after two that warm caches up, milliseconds: by the clock the least, because whatever else a machine does only
 * adds to it, and the median processor time of all threads.
 */
export async function timesOf(work: () => Promise<unknown>): Promise<{ readonly wall: number; readonly cpu: number }> {
  const walls: number[] = []
  const cpus: number[] = []
  for (let turn = 0; turn < 9; turn++) {
    const before = process.cpuUsage()
    const began = performance.now()
    await work()
    const wall = performance.now() - began
    const { user, system } = process.cpuUsage(before)
    if (turn < 2) continue
    walls.push(wall)
    cpus.push((user + system) / 1000)
  }
  return { wall: Math.min(...walls), cpu: cpus.sort((a, b) => a - b)[3]! }
}
