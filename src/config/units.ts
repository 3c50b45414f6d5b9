import { z } from 'zod'

const bytesPerUnit = { b: 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30, tb: 2 ** 40 } as const
const millisPerUnit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

const bytesText = /^(\d+(?:\.\d+)?) ?([KMGTkmgt]?[Bb])$/
const durationText = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/

const bytesExpected = 'expected a size: a number of bytes, or text such as `64 KB`, `4 MB`, `2 GB`'
const durationExpected = 'expected a duration: a number of seconds, or text such as `500ms`, `10s`, `5m`, `12h`, `30d`'

/** A size in bytes, written as a number of bytes or with a unit (powers of 1024). */
export const bytes = z
  .union([z.number().int().positive(), z.string().regex(bytesText, { error: bytesExpected })], { error: bytesExpected })
  .transform((value) => {
    if (typeof value === 'number') return value
    const [, amount, unit] = bytesText.exec(value)!
    return Math.round(Number(amount) * bytesPerUnit[unit.toLowerCase() as keyof typeof bytesPerUnit])
  })
  .refine((value) => value > 0, { error: bytesExpected })
  .meta({ 'x-type': 'size' })

/** A duration in seconds, written as a number of seconds or with a unit. */
export const duration = z
  .union([z.number().nonnegative(), z.string().regex(durationText, { error: durationExpected })], { error: durationExpected })
  .transform((value) => {
    if (typeof value === 'number') return value
    const [, amount, unit] = durationText.exec(value)!
    return (Number(amount) * millisPerUnit[unit as keyof typeof millisPerUnit]) / 1000
  })
  .meta({ 'x-type': 'duration' })

/** Bytes as people write them: `64 KB`, and the bare number where no unit fits. `bytes` reads it back. */
export function formatBytes(value: number): string | number {
  const units = Object.entries(bytesPerUnit).toReversed()
  const [unit, size] = units.find(([, size]) => size > 1 && value >= size && value % size === 0) ?? []
  return unit === undefined ? value : `${value / size!} ${unit.toUpperCase()}`
}

/** Seconds as people write them: `30d`, `400ms`, `90s`. `duration` reads it back. */
export function formatDuration(seconds: number): string | number {
  const millis = Math.round(seconds * 1000)
  if (millis === 0 || millis / 1000 !== seconds) return seconds
  const [unit, size] = Object.entries(millisPerUnit)
    .toReversed()
    .find(([, size]) => millis % size === 0)!
  return `${millis / size}${unit}`
}

/** A list of strings, written as a list or (handy for one environment variable) as text with commas. */
export const list = z
  .union([z.array(z.string()), z.string()], { error: 'expected a list of texts, or one text with commas' })
  .transform((value) =>
    typeof value === 'string'
      ? value
          .split(',')
          .map((item) => item.trim())
          .filter((item) => item !== '')
      : value,
  )
  .meta({ 'x-type': 'list of texts' })
