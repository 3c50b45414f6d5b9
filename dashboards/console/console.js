import { getJson, readEvents, SignInNeeded, setToken } from './api.js'
import { formatNumber, formatTime } from './format.js'
import { createIncident } from './incident.js'

/** Incidents in the page at most; older ones are in the API. */
const MAX_SHOWN = 200

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id))

/** @type {Map<string, ReturnType<typeof createIncident>>} */
const incidents = new Map()
/** @type {string | null} */
let lastAlert = null
let loaded = false
let events = 0
/** @type {string[]} */
let inputs = []

const rank = { opened: 1, updated: 2, resolved: 3 }

/** True when `a` is a later change of an incident than `b`. @param {any} a @param {any} b */
const isNewer = (a, b) => a.time > b.time || (a.time === b.time && rank[a.status] > rank[b.status])

/** @param {any} alert @param {boolean} live */
function show(alert, live) {
  const known = incidents.get(alert.incident)
  if (known && !isNewer(alert, known.current())) return
  const incident = known ?? createIncident(alert)
  if (known) known.update(alert)
  else incidents.set(alert.incident, incident)
  const list = byId('incidents')
  // Moving an element takes the focus from it; the one that is being read stays where it is.
  if (!known || !incident.item.contains(document.activeElement)) {
    const place = live ? list.firstChild : [...list.children].find((item) => timeOf(item) < alert.time)
    list.insertBefore(incident.item, place ?? null)
  }
  incident.item.dataset.time = alert.time
  if (live) {
    incident.highlight()
    byId('announcement').textContent = `${alert.severity}: ${alert.title}, ${alert.status}`
  }
  // What is being read stays, however old it is.
  const shut = [...list.children].filter((item) => !item.querySelector('details[open]'))
  for (const last of shut.slice(MAX_SHOWN)) {
    for (const [id, { item }] of incidents) if (item === last) incidents.delete(id)
    last.remove()
  }
}

/** @param {Element} item */
const timeOf = (item) => /** @type {HTMLElement} */ (item).dataset.time ?? ''

function showCounts() {
  const open = [...incidents.values()].filter((incident) => incident.current().status !== 'resolved').length
  byId('count').textContent = incidents.size === 0 ? '' : `${open} open, ${incidents.size} shown`
  byId('empty').hidden = !loaded || incidents.size > 0
  byId('empty-title').textContent = events > 0 ? 'No incidents' : 'Nothing has come in yet'
  byId('empty-text').textContent =
    events > 0
      ? 'Telemetry is being read. What stands out appears here by itself, once there are some thirty users to compare with and a day of their traffic.'
      : 'Incidents appear here as soon as Tidewatch sees telemetry that stands out.'
  byId('how-to').hidden = events > 0
  byId('how-to-send').textContent = howToSend()
  document.title = open > 0 ? `(${open}) Tidewatch` : 'Tidewatch'
}

function howToSend() {
  const http = inputs.find((input) => input.startsWith('http'))
  const rest = inputs.filter((input) => input !== http).map((input) => `# or ${input}`)
  return [`OTEL_EXPORTER_OTLP_ENDPOINT=${http ?? 'http://127.0.0.1:4318'}`, ...rest].join('\n')
}

/** @param {string} name @param {string} text */
function field(name, text) {
  const node = document.querySelector(`[data-field="${name}"]`)
  if (node) node.textContent = text
}

/** @param {any} progress */
function showProgress(progress) {
  events = progress.events
  field('events', formatNumber(progress.events))
  field('rate', formatNumber(progress.eventsPerSecond))
  field('lag', formatNumber(progress.lag.reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + one.records, 0)))
  field('deadLetters', formatNumber(progress.deadLetters))
  field('watermark', progress.watermark === null ? '–' : formatTime(progress.watermark))
  showCounts()
}

/** @param {any[]} problems */
function showProblems(problems) {
  const list = byId('problems')
  list.hidden = problems.length === 0
  list.replaceChildren(
    ...problems.map((problem) => {
      const item = document.createElement('li')
      item.dataset.blocking = String(problem.blocking)
      item.textContent = `${problem.component}: ${problem.reason}`
      return item
    }),
  )
}

/** @param {'connecting' | 'live' | 'lost'} state @param {string} text */
function showConnection(state, text) {
  const node = byId('connection')
  if (node.dataset.state === state) return
  node.dataset.state = state
  node.textContent = text
}

/** Opens the incident that the address names, once, also where it is older than what is listed. */
async function openNamed() {
  const id = new URL(location.href).searchParams.get('incident')
  if (loaded || id === null) return
  if (!incidents.has(id)) {
    const { alerts } = await getJson(`/api/v1/incidents/${encodeURIComponent(id)}`).catch(() => ({ alerts: [] }))
    const newest = alerts.at(-1)
    if (newest) show(newest, false)
  }
  incidents.get(id)?.open()
}

async function load() {
  const [status, page] = await Promise.all([getJson('/api/v1/status'), getJson('/api/v1/incidents?limit=100')])
  inputs = status.inputs
  for (const alert of page.items) show(alert, false)
  await openNamed()
  loaded = true
  showProgress(status)
  showProblems(status.problems)
}

async function watch() {
  for (;;) {
    try {
      await readEvents(
        lastAlert,
        () => {
          byId('sign-in').hidden = true
          showConnection('live', 'live')
          // After the stream has begun, so that nothing falls between the two.
          load().catch(() => showConnection('lost', 'the store does not answer'))
        },
        (event, data, id) => {
          lastAlert = id ?? lastAlert
          if (event === 'alert') show(data, true)
          if (event === 'progress') showProgress(data)
          if (event === 'reset') void load()
          showCounts()
        },
      )
    } catch (error) {
      if (error instanceof SignInNeeded) return signIn()
    }
    showConnection('lost', 'connection lost, trying again')
    await new Promise((resolve) => setTimeout(resolve, 2000))
  }
}

function signIn() {
  showConnection('lost', 'not signed in')
  byId('sign-in').hidden = false
  byId('token').focus()
}

byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault()
  setToken(/** @type {HTMLInputElement} */ (byId('token')).value)
  void watch()
})

setInterval(() => {
  if (byId('connection').dataset.state === 'live')
    getJson('/api/v1/status').then(
      (status) => showProblems(status.problems),
      () => {},
    )
}, 10_000)

void watch()
