/** Numbers and times as people read them. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const precise = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })
const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹'

/** @param {number} value */
export function formatNumber(value) {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  if (size >= 1e15 || (size > 0 && size < 1e-3)) return scientific(value)
  return size >= 1000 || Number.isInteger(value) ? whole.format(value) : precise.format(value)
}

/** @param {number} value */
function scientific(value) {
  const [mantissa, exponent] = value.toExponential(1).split('e')
  const power = [...exponent.replace('+', '')].map((digit) => (digit === '-' ? '⁻' : superscripts[Number(digit)])).join('')
  return `${mantissa} × 10${power}`
}

/**
 * How often chance alone would do this; null stands for no p-value yet.
 * @param {number | null} p
 */
export function formatPValue(p) {
  if (p === null) return 'not calibrated yet'
  if (p <= 0) return 'p below what can be resolved'
  const odds = 1 / p
  const rounded = Number(odds.toPrecision(2))
  return rounded < 10
    ? `p ${precise.format(p)}`
    : `p ${formatNumber(p)}, 1 in ${rounded < 1e9 ? whole.format(rounded) : scientific(rounded)} by chance`
}

const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** @param {string} iso */
export function formatTime(iso) {
  const time = new Date(iso)
  return Number.isNaN(time.getTime()) ? iso : day.format(time)
}

/**
 * A name of code as words: `newInputsIn2Hours` and `top_logprobs` are read as written apart.
 * @param {string} name
 */
export function formatName(name) {
  const words = name
    .replace(/([a-z])(\d)/g, '$1 $2')
    .replace(/([a-z0-9])([A-Z])/g, (_, left, right) => `${left} ${right.toLowerCase()}`)
    .replace(/_/g, ' ')
    .trim()
  return words === '' ? name : words[0].toUpperCase() + words.slice(1)
}

/**
 * Any value of an evidence object as one line.
 * @param {unknown} value
 * @returns {string}
 */
export function formatValue(value) {
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
