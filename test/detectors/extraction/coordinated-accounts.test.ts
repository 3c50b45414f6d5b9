import { describe, expect, it } from 'vitest'
import { coordinatedAccounts } from '../../../detectors/extraction/coordinated-accounts.ts'
import { type Caller, callsOf, ordinaryPeople } from '../../../detectors/extraction/examples.ts'
import { createDetection } from '../../../src/detection/detect.ts'
import type { Observation } from '../../../src/detection/observation.ts'

function found(callers: readonly Caller[]): Observation[] {
  const detection = createDetection({ seed: 1, detectors: [coordinatedAccounts] as never })
  return callsOf(callers, 'coordinated-test').flatMap((event) => detection.process(event))
}

/** A job of so many calls a worker, dealt out in turn. */
function job(workers: number, calls: number): Caller[] {
  return Array.from({ length: workers }, (_, worker) =>
    Array.from({ length: calls }, (_, turn) => {
      const from = 50 + 1.3 * turn + (0.1 * worker) / workers
      return { id: `worker-${String(worker).padStart(3, '0')}`, from, to: from + 0.001, calls: 1 }
    }),
  ).flat()
}

describe('accounts that act as one', () => {
  it.each([5, 20, 100])('%i accounts of twelve calls are all named, and nobody else', (workers) => {
    const last = found([...ordinaryPeople('test'), ...job(workers, 12)]).at(-1)!
    const named = last.members.map(({ id }) => id)
    expect(last.subject.kind).toBe('cluster')
    expect(last.pValue).toBeLessThan(1e-4)
    expect(named.filter((id) => id.startsWith('worker')).length).toBeGreaterThanOrEqual(0.9 * workers)
    expect(named.filter((id) => !id.startsWith('worker')).length).toBeLessThanOrEqual(0.05 * named.length)
    expect(last.evidence.contributions).toContain('worker-003')
  })

  it('keeps the name of the cluster while it grows', () => {
    const all = found([...ordinaryPeople('test'), ...job(5, 14)])
    expect(all.length).toBeGreaterThan(3)
    expect(new Set(all.map(({ subject }) => subject.id)).size).toBe(1)
  })

  it('three accounts are not a ring', () => {
    expect(found([...ordinaryPeople('test'), ...job(3, 14)])).toEqual([])
  })

  it('accounts that share a card are found after four calls each, and the others of an office are not named', () => {
    const paid = (callers: Caller[], card: string): Caller[] =>
      callers.map((caller) => ({ ...caller, shape: () => ({ links: [{ kind: 'payment', value: card }] }) }))
    const office = ordinaryPeople('test').map((caller) => (Number(caller.id.slice(7)) < 12 ? paid([caller], 'office')[0] : caller))
    expect(found(office)).toEqual([])
    const workers = [...job(6, 4), { id: 'worker-000', from: 56.2, to: 56.3, calls: 1 }]
    expect(found([...office, ...workers])).toEqual([])
    const last = found([...office, ...paid(workers, 'stolen')]).at(-1)!
    expect(last.members.map(({ id }) => id).sort()).toEqual(Array.from({ length: 6 }, (_, at) => `worker-00${at}`))
    expect(last.evidence.accountsThatShareALink).toBe(6)
  })

  it('says nothing of people with two sessions a day, whoever they are', () => {
    for (const seed of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) expect(found(ordinaryPeople(seed))).toEqual([])
  })
})
