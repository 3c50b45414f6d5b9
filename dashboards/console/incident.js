import { getJson } from './api.js'
import { renderDeeds } from './deeds.js'
import { element, pairs, time } from './element.js'
import { inShort, renderEvidence } from './evidence.js'
import { formatNumber, formatPValue } from './format.js'

/** @param {string} title @param {Node} content */
const block = (title, content) => element('section', '', element('h3', '', title), content)

/** @param {{ kind: string, id: string }} subject */
const subjectText = (subject) => `${subject.kind} ${subject.id}`

/** @param {any} alert */
function facts(alert) {
  const texts = [alert.model, alert.detectors.join(', '), inShort(alert.evidence), formatPValue(alert.pValue)]
  if (alert.status === 'resolved') texts.push('resolved')
  return element('div', 'facts', ...texts.filter(Boolean).map((text) => element('span', '', text)))
}

/** @param {any} alert */
function about(alert) {
  const members = alert.members.filter((/** @type {any} */ member) => member.id !== alert.subject.id)
  /** @type {[string, string | Node][]} */
  const entries = [
    ['Subject', subjectText(alert.subject)],
    ['Model', alert.model],
    ['Service', alert.service],
    ['Environment', alert.environment],
    ['Training run', alert.run],
    ['Together with', members.map(subjectText).join(', ')],
    ['From', time(alert.window.start)],
    ['To', time(alert.window.end)],
    ['Events', formatNumber(alert.window.events)],
    [
      'Score',
      alert.threshold === null ? formatNumber(alert.score) : `${formatNumber(alert.score)}, alert from ${formatNumber(alert.threshold)}`,
    ],
    ['p-value', formatPValue(alert.pValue).replace(/^p /, '')],
    ['Detectors', alert.detectors.join(', ')],
    ['MITRE ATLAS', alert.tags.atlas.join(', ')],
    ['OWASP', alert.tags.owasp.join(', ')],
    ['Incident', element('code', '', alert.incident)],
  ].filter(([, value]) => value !== null && value !== '')
  return pairs(entries)
}

/** @param {HTMLElement} list @param {string} incident */
async function fillChanges(list, incident) {
  try {
    const { alerts } = await getJson(`/api/v1/incidents/${encodeURIComponent(incident)}`)
    const entries = alerts
      .slice(-12)
      .map((/** @type {any} */ alert) =>
        element('li', '', time(alert.time), ` ${alert.status}, ${alert.severity}, ${formatPValue(alert.pValue)}`),
      )
    list.replaceChildren(...entries)
  } catch {
    list.replaceChildren(element('li', '', 'The history cannot be read now.'))
  }
}

/**
 * One incident of the list. `update` shows a newer alert of it and keeps it open or closed as it is.
 * @param {any} first
 */
export function createIncident(first) {
  const item = element('li', '')
  const details = /** @type {HTMLDetailsElement} */ (document.createElement('details'))
  const summary = element('summary', '')
  const detail = element('div', 'detail')
  details.append(summary, detail)
  item.append(details)
  let alert = first

  function showDetail() {
    const changes = element('ol', 'changes')
    const side = element('div', '', block('What and who', about(alert)), block('Changes', changes))
    side.prepend(block('What to do', renderDeeds(alert)))
    detail.replaceChildren(block('Evidence', renderEvidence(alert.evidence)), side)
    void fillChanges(changes, alert.incident)
  }

  /** @param {any} next */
  function update(next) {
    alert = next
    details.className = 'incident'
    details.dataset.severity = next.severity
    details.dataset.status = next.status
    summary.replaceChildren(
      element('span', 'title', next.title),
      element('span', 'severity', next.severity),
      facts(next),
      element('span', 'when', 'opened ', time(next.opened)),
    )
    if (details.open) showDetail()
  }

  details.addEventListener('toggle', () => {
    if (details.open) showDetail()
    // The address can be handed on: it opens the page with this incident open.
    const url = new URL(location.href)
    if (details.open) url.searchParams.set('incident', alert.incident)
    else if (url.searchParams.get('incident') === alert.incident) url.searchParams.delete('incident')
    history.replaceState(null, '', url)
  })
  update(first)
  return {
    item,
    update,
    current: () => alert,
    open() {
      details.open = true
      details.scrollIntoView({ block: 'start' })
      summary.focus()
    },
    /** Marks it for a moment. */
    highlight() {
      details.classList.remove('fresh')
      void details.offsetWidth
      details.classList.add('fresh')
    },
  }
}
