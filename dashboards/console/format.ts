/** Numbers and times as people read them. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const precise = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })
const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹'

export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  if (size >= 1e15 || (size > 0 && size < 1e-3)) return scientific(value)
  return size >= 1000 || Number.isInteger(value) ? whole.format(value) : precise.format(value)
}

function scientific(value: number): string {
  const [mantissa, exponent] = value.toExponential(1).split('e')
  const power = [...exponent!.replace('+', '')].map((digit) => (digit === '-' ? '⁻' : superscripts[Number(digit)])).join('')
  return `${mantissa} × 10${power}`
}

/** `0.4 %`: of a share between 0 and 1. */
export function formatShare(share: number): string {
  return `${precise.format(100 * share)} %`
}

/** How often chance alone would do this; null stands for no p-value yet. */
export function formatPValue(p: number | null): string {
  if (p === null) return 'not calibrated yet'
  if (p <= 0) return 'p below what can be resolved'
  const odds = oddsOf(p)
  return odds === null ? `p ${precise.format(p)}` : `p ${formatNumber(p)}, ${odds} by chance`
}

/** `1 in 3,200`; null where that is nothing rare. */
export function oddsOf(p: number): string | null {
  const rounded = Number((1 / p).toPrecision(2))
  if (rounded < 10) return null
  return `1 in ${rounded < 1e9 ? whole.format(rounded) : scientific(rounded)}`
}

const clock = { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const
const thisYear = new Intl.DateTimeFormat(undefined, clock)
const anyYear = new Intl.DateTimeFormat(undefined, { ...clock, year: 'numeric' })

/** A time in the reader's zone; with the year where that is not `now`'s. Text that is no time stays as it is. */
export function formatTime(iso: string, now = new Date()): string {
  const time = new Date(iso)
  if (Number.isNaN(time.getTime())) return iso
  return (time.getFullYear() === now.getFullYear() ? thisYear : anyYear).format(time)
}

/** The reader's time zone: `Europe/Lisbon, UTC+1`. */
export function zoneName(now = new Date()): string {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  const minutes = -now.getTimezoneOffset()
  const size = Math.abs(minutes)
  const offset = `${minutes < 0 ? '−' : '+'}${Math.floor(size / 60)}${size % 60 === 0 ? '' : `:${String(size % 60).padStart(2, '0')}`}`
  return timeZone === 'UTC' ? 'UTC' : `${timeZone}, UTC${offset}`
}

/** A length of time: `3 d 4 h`, `12 min`, `45 s`. */
export function formatSpan(milliseconds: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ] as const
  const at = units.findIndex(([, size]) => milliseconds >= size)
  if (at < 0) return `${Math.max(0, Math.round(milliseconds))} ms`
  const [name, size] = units[at]!
  const count = Math.floor(milliseconds / size)
  const finer = units[at + 1]
  const rest = finer === undefined || count >= 10 ? 0 : Math.floor((milliseconds - count * size) / finer[1])
  return rest > 0 ? `${count} ${name} ${rest} ${finer![0]}` : `${count} ${name}`
}

/** Bytes as people say them. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${whole.format(bytes)} B`
  return bytes < 1e6 ? `${precise.format(bytes / 1e3)} kB` : `${precise.format(bytes / 1e6)} MB`
}

/** A name of code as words: `newInputsIn2Hours` and `top_logprobs` are read as written apart. */
export function formatName(name: string): string {
  const words = name
    .replace(/([a-z])(\d)/g, '$1 $2')
    .replace(/([a-z0-9])([A-Z])/g, (_, left: string, right: string) => `${left} ${right.toLowerCase()}`)
    .replace(/_/g, ' ')
    .trim()
  return words === '' ? name : words[0]!.toUpperCase() + words.slice(1)
}

/** Any value of an evidence object as one line. */
export function formatValue(value: unknown): string {
  if (value === null || value === undefined) return '–'
  if (typeof value === 'number') return formatNumber(value)
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(formatValue).join(', ')
  if (typeof value === 'object') {
    return Object.entries(value)
      .map(([name, inner]) => `${formatName(name).toLowerCase()} ${formatValue(inner)}`)
      .join(', ')
  }
  return String(value)
}
