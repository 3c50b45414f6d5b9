/** Microseconds of an ISO 8601 time with up to six decimals. */
export function microsOf(iso: string): number {
  const fraction = /\.(\d{1,6})\d*Z$/.exec(iso)?.[1] ?? ''
  return Math.floor(Date.parse(iso.replace(/\.\d+Z$/, 'Z')) / 1000) * 1_000_000 + Number(fraction.padEnd(6, '0') || 0)
}
