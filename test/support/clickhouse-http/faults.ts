/** What goes wrong with the next requests. Faults are used up in the order they were given, each by the requests it fits. */
export type Fault = FaultAction & {
  /** Requests that meet it; 1 when absent. */
  readonly times?: number
  /** `insert` (when absent), `query` (everything else) or `any`. Pings never meet a fault. */
  readonly on?: 'insert' | 'query' | 'any'
  /** Only inserts into this table. */
  readonly table?: string
}

type FaultAction =
  /** The connection is reset: before the statement runs, or after it ran and before its answer. */
  | { readonly kind: 'cut'; readonly when: 'before' | 'after' }
  /** A ClickHouse exception, for example 252 TOO_MANY_PARTS. The statement does not run. */
  | { readonly kind: 'exception'; readonly code: number; readonly name: string }
  /** An answer that is not ClickHouse's, as a proxy in front of it gives. The statement does not run. */
  | { readonly kind: 'status'; readonly status: number; readonly body: string }
  /** No answer at all. The statement does not run. */
  | { readonly kind: 'hang' }
  /** The statement runs, but as on a server that does not deduplicate. */
  | { readonly kind: 'forget' }
  /** The statement runs this much later, whether or not anybody still waits for it. */
  | { readonly kind: 'slow'; readonly milliseconds: number }

export interface Request {
  readonly insert: boolean
  readonly table: string | null
}

export class Faults {
  private readonly waiting: { readonly fault: Fault; left: number }[] = []

  add(fault: Fault): void {
    this.waiting.push({ fault, left: fault.times ?? 1 })
  }

  clear(): void {
    this.waiting.length = 0
  }

  /** Requests that faults still wait for. */
  left(): number {
    return this.waiting.reduce((sum, { left }) => sum + left, 0)
  }

  /** The fault that a request meets, or null. */
  take(request: Request): Fault | null {
    const index = this.waiting.findIndex(({ fault }) => fits(fault, request))
    const found = this.waiting[index]
    if (!found) return null
    found.left -= 1
    if (found.left === 0) this.waiting.splice(index, 1)
    return found.fault
  }
}

function fits({ on = 'insert', table }: Fault, request: Request): boolean {
  if (table !== undefined && table !== request.table) return false
  return on === 'any' || (on === 'insert') === request.insert
}
