import type { Row, Store } from '../../src/store/store.ts'

const RANKS = ['pending', 'attempted', 'delivered', 'dead']

/** The webhook part of a store, in memory: what `DeliveryLog` asks for, with faults on demand. Not a model of SQL. */
export class MemoryOutbox implements Pick<Store, 'query' | 'insert'> {
  readonly rows: Row[] = []
  /** The next inserts that fail. */
  failInserts = 0
  private readonly tokens = new Set<string>()

  async insert(_table: string, rows: readonly Row[], token: string): Promise<void> {
    if (this.failInserts > 0) {
      this.failInserts--
      throw new Error('the store is away')
    }
    if (this.tokens.has(token)) return
    this.tokens.add(token)
    this.rows.push(...rows)
  }

  async query<T>(_sql: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<T[]> {
    const mine = this.rows.filter((row) => row.target === parameters.target)
    return [...new Set(mine.map((row) => row.id))]
      .map((id) => {
        const states = mine.filter((row) => row.id === id)
        const newest = [...states].sort((a, b) => rank(b) - rank(a))[0]!
        const pending = states.find((state) => state.state === 'pending')!
        const attempted = states.filter((state) => state.state === 'attempted').map((state) => Number(state.updated) / 1000)
        return {
          ...pending,
          state: newest.state,
          attempts: newest.attempt,
          first: String(attempted.length > 0 ? Math.min(...attempted) : 0),
        }
      })
      .filter((row) => row.state === 'pending' || row.state === 'attempted')
      .sort((a, b) => Number(a.created) - Number(b.created) || Number(a.ordinal) - Number(b.ordinal))
      .slice(0, parameters.limit as number) as T[]
  }
}

function rank(row: Row): number {
  return Number(row.attempt) * RANKS.length + RANKS.indexOf(row.state as string)
}
