import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import type { Alert } from '../../src/decisions/alert.ts'
import { createServer, type Server } from '../../src/server/app.ts'
import type { ServerDeps } from '../../src/server/deps.ts'
import { AlertFeed } from '../../src/server/feed.ts'
import { makeDeps, serverConfig, storeAlerts } from '../server/fixture.ts'
import { findChromium, launchChromium } from '../support/browser.ts'
import { type EmbeddedStore, openEmbeddedStore } from '../support/embedded-store.ts'

export const executable = findChromium()

export interface ConsoleTest {
  readonly embedded: EmbeddedStore
  address(): string
  serve(deps?: Partial<ServerDeps>, config?: object): Promise<void>
  stop(): Promise<void>
  /** A page of its own; whatever the browser has to complain of, or asks of others, fails the test. */
  open(path?: string, options?: BrowserContextOptions): Promise<Page>
  /** Stores alerts and tells them live: what the pipeline does. */
  publish(...alerts: Alert[]): Promise<void>
  /** Complaints so far are forgotten: for tests that break something on purpose. */
  forgive(): void
}

export const live = (page: Page) => page.locator('.connection[data-state="live"]').waitFor()

/** The console on the real server with the embedded store, for the tests of one file. Tables are empty before each, unless they are to be kept. */
export function useConsole({ keep = false } = {}): ConsoleTest {
  let browser: Browser
  let embedded: EmbeddedStore
  let server: Server | null = null
  let feed: AlertFeed
  let address = ''
  let complaints: string[] = []
  let pages: Page[] = []

  beforeAll(async () => {
    browser = await launchChromium(executable!)
    embedded = await openEmbeddedStore()
  })

  afterAll(async () => {
    await browser.close()
    await embedded.close()
  })

  beforeEach(async () => {
    if (!keep) await embedded.truncate('alerts', 'incidents', 'webhook_deliveries', 'actions')
    complaints = []
    pages = []
  })

  afterEach(async () => {
    for (const page of pages) await page.context().close()
    await server?.close()
    server = null
    expect(complaints).toEqual([])
  })

  return {
    get embedded() {
      return embedded
    },
    address: () => address,
    async serve(deps = {}, config = {}) {
      feed = new AlertFeed()
      server = createServer(serverConfig(config), makeDeps(embedded.store, { alerts: feed, ...deps }))
      address = await server.listen()
    },
    async stop() {
      await server?.close()
      server = null
    },
    async open(path = '/', options = {}) {
      const context = await browser.newContext(options)
      const page = await context.newPage()
      pages.push(page)
      page.on('pageerror', (error) => complaints.push(error.message))
      page.on('console', (message) => {
        if (message.type() === 'error' && !/\b40[14]\b/.test(message.text())) complaints.push(message.text())
      })
      page.on('request', (request) => {
        if (!request.url().startsWith(address)) complaints.push(`asked ${request.url()}`)
      })
      await page.goto(`${address}${path}`)
      return page
    },
    async publish(...alerts) {
      await storeAlerts(embedded.store, alerts)
      feed.publish(alerts)
    },
    forgive() {
      complaints.length = 0
    },
  }
}
