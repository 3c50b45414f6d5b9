import { element, pairs, time } from './element.js'
import { formatName, formatNumber, formatPValue, formatValue } from './format.js'

/** Calls that are listed; the API has them all. */
const MAX_CALLS = 5

/** @param {any} detector One detector's part: what it saw against what the others do. */
function comparison(detector) {
  const { seen, expected = {}, reference = {} } = detector
  const columns = /** @type {[string, unknown][]} */ ([
    ['Seen', seen],
    [reference.subjects === undefined ? 'Median' : `Median of ${formatNumber(reference.subjects)} others`, expected.median],
    ['Their 95th percentile', expected.percentile95],
    ['Alert above', expected.alertAbove],
  ]).filter(([, value]) => value !== undefined)
  const head = element('tr', '', ...columns.map(([name]) => element('th', '', name)))
  const body = element('tr', '', ...columns.map(([, value]) => element('td', '', formatValue(value))))
  for (const cell of head.children) cell.setAttribute('scope', 'col')
  // A detector that supports the case without being beyond its own limit is not marked as one that is.
  if (!(seen <= expected.alertAbove)) body.className = 'beyond'
  const table = element(
    'table',
    'compare',
    element('caption', '', formatName(detector.quantity ?? '')),
    element('thead', '', head),
    element('tbody', '', body),
  )
  const facts = Object.entries(detector.facts ?? {}).map(([name, value]) => `${formatName(name).toLowerCase()} ${formatValue(value)}`)
  const title = element('h4', '', detector.name, ' ', element('span', 'quiet', formatPValue(detector.pValue ?? null)))
  return element('div', 'case', title, table, element('p', 'quiet', facts.join(' · ')))
}

/** @param {any[]} calls */
function callList(calls) {
  const items = calls
    .slice(0, MAX_CALLS)
    .map((call) => element('li', '', element('code', '', call.traceId ?? call.spanId ?? '–'), ' ', time(call.time)))
  if (calls.length > MAX_CALLS) items.push(element('li', 'quiet', `and ${formatNumber(calls.length - MAX_CALLS)} more`))
  return element('ul', 'calls', ...items)
}

/** @param {unknown} value */
const isTime = (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)

/**
 * An alert's evidence. The parts that every alert of the decision layer has are laid out; whatever else is there follows by name.
 * @param {any} evidence
 */
export function renderEvidence(evidence) {
  const cases = Array.isArray(evidence.detectors) ? evidence.detectors : []
  const calls = Array.isArray(evidence.calls) ? evidence.calls : []
  // The summary says in a sentence what the cases show in full.
  const shown = [...(cases.length > 0 ? ['detectors', 'summary'] : []), ...(calls.length > 0 ? ['calls'] : [])]
  const others = Object.entries(evidence)
    .filter(([name, value]) => value !== null && !shown.includes(name))
    .map(([name, value]) => /** @type {[string, string | Node]} */ ([formatName(name), isTime(value) ? time(value) : formatValue(value)]))
  if (calls.length > 0) others.push(['Calls, by trace', callList(calls)])
  return element('div', 'evidence', ...cases.map(comparison), pairs(others))
}

/**
 * The case in a few words, for the list: what was seen and what is usual. Null where the evidence does not say.
 * @param {any} evidence
 */
export function inShort(evidence) {
  const first = Array.isArray(evidence.detectors) ? evidence.detectors[0] : undefined
  if (typeof first?.seen !== 'number' || typeof first.expected?.median !== 'number') return null
  return `${formatNumber(first.seen)} where ${formatNumber(first.expected.median)} is usual`
}
