/** Lets works run side by side, and one at times alone: it waits for those that run, and those that come wait for it. */
export class Gate {
  private readonly running = new Set<Promise<unknown>>()
  private closed: Promise<unknown> | null = null

  async pass<T>(work: () => Promise<T>): Promise<T> {
    while (this.closed) await this.closed
    const run = work()
    const done = run.catch(() => {}).finally(() => this.running.delete(done))
    this.running.add(done)
    return run
  }

  async alone<T>(work: () => Promise<T>): Promise<T> {
    while (this.closed) await this.closed
    const run = Promise.all(this.running).then(work)
    const done = run
      .catch(() => {})
      .finally(() => {
        this.closed = null
      })
    this.closed = done
    return run
  }
}
