/** ISO 8601 with microseconds, UTC: `2026-11-30T00:21:46.284820Z`, rounded. Outside of what a date can hold, the number as text. */
export function isoMicros(micros: number): string {
  const rounded = Math.round(micros)
  const millis = Math.floor(rounded / 1000)
  const date = new Date(millis)
  if (Number.isNaN(date.getTime())) return String(micros)
  return `${date.toISOString().slice(0, -1)}${String(rounded - millis * 1000).padStart(3, '0')}Z`
}

/** Microseconds of an ISO 8601 time with up to six decimals. */
export function microsOf(iso: string): number {
  const fraction = /\.(\d{1,6})\d*Z$/.exec(iso)?.[1] ?? ''
  return Math.floor(Date.parse(iso.replace(/\.\d+Z$/, 'Z')) / 1000) * 1_000_000 + Number(fraction.padEnd(6, '0') || 0)
}
