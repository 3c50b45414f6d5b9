import { crc32 } from 'node:zlib'
import type { DetectorDefinition, Keyed } from '../detection/contract.ts'
import { detectors as registered } from '../detection/registry.ts'
import { leadOf, routeOf } from '../detection/route.ts'
import type { Event, EventKind } from '../telemetry/events.ts'

/**
 * The routes that an event has to be sent on, each once; none where no detector looks at it. Asks all detectors there are, also those that are
 * switched off, so that the log does not depend on which of them run. `seed` is that of the detectors.
 */
export function createRoutes(
  seed: string | number,
  definitions: readonly DetectorDefinition[] = registered,
): (event: Event) => readonly string[] {
  /** By kind of event, how the leads of the detectors that consume it key. */
  const byKind = new Map<EventKind, Map<string, (event: Event) => readonly Keyed[]>>()
  for (const definition of definitions) {
    const lead = leadOf(definition)
    const { subjects } = lead.build(`${seed}/${lead.name}`)
    for (const kind of definition.consumes) byKind.set(kind, (byKind.get(kind) ?? new Map()).set(lead.name, subjects))
  }
  return (event) => {
    const routes = new Set<string>()
    for (const subjects of byKind.get(event.kind)?.values() ?? []) for (const key of subjects(event)) routes.add(routeOf(key))
    return [...routes]
  }
}

/** The partition of a route, the same in every version and on every machine. */
export function partitionOf(route: string, partitions: number): number {
  return crc32(route) % partitions
}

/** Routes by partition: one copy of an event goes to each partition that is in it, however many of its routes end there. */
export function byPartition(routes: readonly string[], partitions: number): ReadonlyMap<number, readonly string[]> {
  const found = new Map<number, string[]>()
  for (const route of routes) {
    const partition = partitionOf(route, partitions)
    const there = found.get(partition)
    if (there === undefined) found.set(partition, [route])
    else there.push(route)
  }
  return found
}
