import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Action } from '../../src/decisions/action.ts'
import type { Alert } from '../../src/decisions/alert.ts'
import { createServer, type Server } from '../../src/server/app.ts'
import type { ServerDeps } from '../../src/server/deps.ts'
import { AlertFeed } from '../../src/server/feed.ts'
import { idle, makeDeps, serverConfig, storeAlerts, TOKENS } from '../server/fixture.ts'
import { makeAlert } from '../support/alerts.ts'
import { findChromium, launchChromium } from '../support/browser.ts'
import { type EmbeddedStore, openEmbeddedStore } from '../support/embedded-store.ts'

const executable = findChromium()

describe.skipIf(executable === null)('the first page of the console', () => {
  let browser: Browser
  let embedded: EmbeddedStore
  let server: Server
  let feed: AlertFeed
  let address: string
  let complaints: string[]
  let pages: Page[]

  beforeAll(async () => {
    browser = await launchChromium(executable!)
    embedded = await openEmbeddedStore()
  })

  afterAll(async () => {
    await browser.close()
    await embedded.close()
  })

  beforeEach(async () => {
    await embedded.truncate('alerts', 'incidents', 'webhook_deliveries')
    complaints = []
    pages = []
  })

  afterEach(async () => {
    for (const page of pages) await page.context().close()
    await server.close()
    expect(complaints).toEqual([])
  })

  async function serve(deps: Partial<ServerDeps> = {}, config: object = {}): Promise<void> {
    feed = new AlertFeed()
    server = createServer(serverConfig(config), makeDeps(embedded.store, { alerts: feed, ...deps }))
    address = await server.listen()
  }

  /** A page of its own; whatever the browser has to complain of, or asks of others, fails the test. */
  async function open(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    pages.push(page)
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('401')) complaints.push(message.text())
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(address)) complaints.push(`asked ${request.url()}`)
    })
    await page.goto(address)
    return page
  }

  const live = (page: Page) => page.locator('#connection[data-state="live"]').waitFor()

  /** What the pipeline does. */
  async function publish(...alerts: Alert[]): Promise<void> {
    await storeAlerts(embedded.store, alerts)
    feed.publish(alerts)
  }

  it('says what to send while nothing has come in, and that all is quiet once something has', async () => {
    let events = 0
    await serve({ status: () => ({ ...idle, events }) })
    const page = await open()
    await live(page)
    await page.getByText('Nothing has come in yet').waitFor()
    await page.getByText('OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318').waitFor()
    events = 1_234
    await page.getByText('No incidents', { exact: true }).waitFor()
    expect(await page.locator('[data-field="events"]').textContent()).toBe('1,234')
  })

  it('shows an alert within two seconds of its being published, and its changes in the same place', async () => {
    await serve()
    const page = await open()
    await live(page)
    const alert = makeAlert()
    const began = performance.now()
    await publish(alert)
    await page.locator('.incident .title', { hasText: alert.title }).waitFor({ timeout: 2_000 })
    expect(performance.now() - began).toBeLessThan(2_000)
    await page.locator('.facts', { hasText: '1 in 320,000 by chance' }).waitFor()
    await publish(makeAlert({ id: 'a-2', status: 'updated', severity: 'critical', time: '2026-03-01T12:05:00.000000Z' }))
    await page.locator('.incident[data-severity="critical"]').waitFor()
    await publish(makeAlert({ id: 'a-3', status: 'resolved', time: '2026-03-01T13:00:00.000000Z' }))
    await page.locator('.incident[data-status="resolved"]').waitFor()
    expect(await page.locator('.incident').count()).toBe(1)
    expect(await page.locator('#count').textContent()).toBe('0 open, 1 shown')
  })

  it('shows what was there before, last changed first', async () => {
    await serve()
    await storeAlerts(embedded.store, [
      makeAlert({ title: 'older' }),
      makeAlert({ id: 'b', incident: 'i-2', title: 'newer', time: '2026-03-02T00:00:00.000000Z' }),
    ])
    const page = await open()
    await page.locator('.incident').nth(1).waitFor()
    expect(await page.locator('.incident .title').allTextContents()).toEqual(['newer', 'older'])
  })

  it('shows names from telemetry as text, whatever they are', async () => {
    await serve()
    const page = await open()
    await live(page)
    const name = `<script>document.title='owned'</script><img src=x onerror="document.title='owned'">`
    await publish(
      makeAlert({
        subject: { kind: 'principal', id: name },
        title: `Queries of principal ${name}`,
        model: name,
        members: [{ kind: 'principal', id: `${name}2` }],
        evidence: { [name]: name },
      }),
    )
    await page.locator('.incident summary').click()
    await page.locator('.detail dd').first().waitFor()
    expect(await page.locator('.detail dd').first().textContent()).toBe(name)
    expect(await page.locator('.incident').locator('script, img').count()).toBe(0)
    expect(await page.locator('.title').textContent()).toBe(`Queries of principal ${name}`)
    expect(await page.title()).toBe('(1) Tidewatch')
  })

  it('is used by keyboard: the evidence opens, stays open when the incident changes, and keeps the focus', async () => {
    await serve()
    const page = await open()
    await live(page)
    await publish(makeAlert())
    await page.locator('.incident').waitFor()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.locator('.changes li', { hasText: 'opened' }).waitFor()
    await publish(makeAlert({ id: 'a-2', status: 'updated', time: '2026-03-01T12:05:00.000000Z', evidence: { calls: 1_500 } }))
    await page.locator('.detail dd', { hasText: '1,500' }).waitFor()
    await page.locator('.changes li', { hasText: 'updated' }).waitFor()
    expect(await page.evaluate('document.activeElement.tagName')).toBe('SUMMARY')
  })

  it('comes back after the server was away and shows what happened meanwhile', async () => {
    await serve()
    const page = await open()
    await live(page)
    await publish(makeAlert())
    await page.locator('.incident').waitFor()
    const port = Number(new URL(address).port)
    await server.close()
    await page.locator('#connection[data-state="lost"]').waitFor()
    complaints.length = 0
    await serve({}, { port })
    await storeAlerts(embedded.store, [makeAlert({ id: 'b', incident: 'i-2', title: 'while away', time: '2026-03-01T14:00:00.000000Z' })])
    await page.getByText('while away').waitFor()
    complaints.length = 0
  })

  it('asks for a token where one is needed, and tells problems', async () => {
    await serve(
      { status: () => ({ ...idle, problems: [{ component: 'kafka', reason: 'no broker answers', blocking: true }] }) },
      { tokens: TOKENS },
    )
    const page = await open()
    await page.getByLabel('asks for a token').fill(TOKENS[0].token)
    await page.keyboard.press('Enter')
    await live(page)
    await page.getByText('kafka: no broker answers').waitFor()
    expect(await page.locator('#sign-in').isVisible()).toBe(false)
  })

  it('fits a phone', async () => {
    await serve()
    const page = await open({ viewport: { width: 360, height: 740 } })
    await live(page)
    await publish(makeAlert({ subject: { kind: 'principal', id: 'h-'.padEnd(120, '0123456789abcdef') } }))
    await page.locator('.incident summary').click()
    await page.locator('.changes li').waitFor()
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360)
  })

  it('opens the incident that the address names, hands the address on, and tells the log what is done about it', async () => {
    const acts: Action[] = []
    await serve({
      act: async (action) => {
        acts.push(action)
      },
    })
    await storeAlerts(embedded.store, [
      makeAlert({ id: 'a-0001', incident: 'i-0001', title: 'the first' }),
      makeAlert({ id: 'a-0002', incident: 'i-0002', title: 'the second' }),
    ])
    const page = await open()
    await page.goto(`${address}/?incident=i-0001`)
    await page.getByRole('button', { name: 'Acknowledge' }).waitFor()
    expect(await page.locator('details[open] .title').allTextContents()).toEqual(['the first'])
    await page.getByText('Nobody has done anything yet.').waitFor()
    await page.getByRole('button', { name: 'Acknowledge' }).click()
    await page.getByText('Acknowledge: written into the log.').waitFor()
    await page.getByRole('button', { name: 'False alarm' }).click()
    await page.getByText('False alarm: written into the log.').waitFor()
    expect(acts).toMatchObject([
      { kind: 'acknowledge', incident: 'i-0001', note: 'from the console' },
      { kind: 'feedback', verdict: 'false', incident: 'i-0001' },
    ])

    await page.getByText('the second').click()
    await page.waitForURL(/incident=i-0002/)
    await page.locator('details[open] summary', { hasText: 'the second' }).click()
    await page.waitForURL((url) => !url.searchParams.has('incident'))
  })
})
