import { postJson, SignInNeeded } from './api.js'
import { element } from './element.js'

/** What a person can do about an incident: path of the API, body, and what the button says. */
const deeds = [
  ['acknowledge', {}, 'Acknowledge'],
  ['silence', { for: '4h' }, 'Silence for 4 hours'],
  ['feedback', { verdict: 'true' }, 'It was real'],
  ['feedback', { verdict: 'false' }, 'False alarm'],
  ['feedback', { verdict: 'benign' }, 'Real but benign'],
]

/**
 * Buttons for an incident, and what was done already. Every deed becomes a record of the log; the incident then changes by itself, here too.
 * @param {any} alert
 */
export function renderDeeds({ incident, handling }) {
  const said = element('p', 'said', handled(handling))
  said.setAttribute('role', 'status')
  const buttons = deeds.map(([path, body, text]) => {
    const button = /** @type {HTMLButtonElement} */ (element('button', '', text))
    button.type = 'button'
    button.addEventListener('click', async () => {
      button.disabled = true
      try {
        await postJson(`/api/v1/incidents/${encodeURIComponent(incident)}/${path}`, { ...body, note: 'from the console' })
        said.textContent = `${text}: written into the log.`
      } catch (error) {
        button.disabled = false
        said.textContent = error instanceof SignInNeeded ? 'This needs the token of an operator.' : 'It could not be written; try again.'
      }
    })
    return button
  })
  return element('div', 'deeds', element('div', 'row', ...buttons), said)
}

/** @param {any} handling */
function handled(handling) {
  if (handling === undefined) return 'Nobody has done anything yet.'
  const { acknowledged, silenced, feedback, expected } = handling
  return [
    acknowledged && `Acknowledged by ${acknowledged.by}.`,
    silenced && `Silenced by ${silenced.by} until ${silenced.until.slice(0, 16)}Z.`,
    feedback && `${feedback.by} says: ${feedback.verdict}.`,
    expected && `Expected: ${expected.note || 'announced'} (${expected.by}).`,
  ]
    .filter(Boolean)
    .join(' ')
}
