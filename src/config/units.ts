import { z } from 'zod'

const bytesPerUnit = { b: 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30, tb: 2 ** 40 } as const
const secondsPerUnit = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 } as const

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
    return Number(amount) * secondsPerUnit[unit as keyof typeof secondsPerUnit]
  })
  .meta({ 'x-type': 'duration' })

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
