import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { idle, makeDeps } from '../server/fixture.ts'
import { fillStore, hostile, incidentOf, type Names, plain } from './full-store.ts'
import { executable, live, useConsole } from './open-console.ts'

const of = encodeURIComponent

/** Every page, with what is to be seen there once it has read. */
const pagesOf = ({ principal, run, source }: Names) =>
  [
    ['incidents', '/incidents?open=all', '#count'],
    ['incident', '/incidents/i-0001', '.figure svg'],
    ['principals', '/principals', 'tbody tr'],
    ['principal', `/principals/${of(principal)}`, 'canvas'],
    ['models', '/models', 'tbody tr'],
    ['runs', '/runs', 'tbody tr'],
    ['run', `/runs/${of(run)}?source=${of(source)}`, '.confusion'],
    ['detectors', '/detectors', 'tbody tr'],
    ['detector', '/detectors/query-shift', 'canvas'],
    ['pipeline', '/pipeline', 'tbody tr'],
    ['settings', '/settings', '.facts dd:text("chdb")'],
  ] as const

/** Waits until a page has read everything that it shows. */
async function settled(page: Page, selector: string): Promise<void> {
  await live(page)
  await page.locator(selector).first().waitFor()
  for (const waiting of await page.getByText('Reading…').all()) await waiting.waitFor({ state: 'detached' })
}

const receivers = [{ name: 'pager', url: 'https://pager.example/', format: 'standard', minSeverity: 'low' }] as never

describe.skipIf(executable === null)('every page', () => {
  const console = useConsole({ keep: true })
  const { serve, open } = console
  beforeAll(() => fillStore(console.embedded))

  it.each(pagesOf(plain))(
    '%s is read by everybody: WCAG AA in light and dark, no wider than a phone, all of it by keyboard, and again after a reload',
    async (_, path, selector) => {
      await serve({ receivers })
      const page = await open(path, { viewport: { width: 375, height: 700 }, colorScheme: 'dark' })
      await settled(page, selector)
      expect(await tooWide(page)).toEqual([])
      await page.evaluate(axe.source)
      for (const details of await page.locator('summary').all()) await details.click()
      expect(await violations(page)).toEqual([])
      await page.emulateMedia({ colorScheme: 'light' })
      await page.setViewportSize({ width: 1280, height: 700 })
      expect(await violations(page)).toEqual([])
      expect(await outOfReach(page)).toEqual([])
      await sameAfterReload(page, selector)
    },
  )

  it.each([
    ['incidents', '/incidents?open=all&severity=critical&q=labels', '#count'],
    ['principals', '/principals?q=user-1&days=30', 'tbody tr'],
    ['another source', `/runs/${of(plain.run)}?source=shop-3`, '.confusion'],
    ['deliveries and dead letters', '/pipeline?state=pending&replayed=false', 'tbody tr'],
  ] as const)('what was chosen of %s is the same after a reload', async (_, path, selector) => {
    await serve({ receivers })
    const page = await open(path)
    await settled(page, selector)
    await sameAfterReload(page, selector)
  })

  it('tells on the page when an answer does not come, and asks again', async () => {
    await serve()
    const page = await open('/settings')
    await live(page)
    await page.route('**/api/v1/models*', (route) => route.fulfill({ status: 503, json: { error: { message: 'the store is away' } } }))
    await page.getByRole('link', { name: 'Models' }).click()
    await page.getByRole('alert').getByText('the store is away').waitFor()
    await page.unroute('**/api/v1/models*')
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('cell', { name: plain.model }).waitFor()
    console.forgive()
  })

  it('leads from incident to principal to detector and back by keyboard alone', async () => {
    await serve()
    const page = await open('/incidents')
    await settled(page, '.incident')
    const follow = async (name: string, where: RegExp) => {
      // As far as Tab goes, so that nothing is found that a keyboard does not find.
      for (let step = 0; step < 200; step++) {
        await page.keyboard.press('Tab')
        if ((await page.evaluate('document.activeElement.textContent')) === name) break
      }
      await page.keyboard.press('Enter')
      await page.waitForURL(where)
      await page.locator('h1').waitFor()
    }
    await follow(incidentOf(plain).title, /\/incidents\/i-0001$/)
    await follow(plain.principal, /\/principals\/mallory$/)
    await settled(page, 'canvas')
    await follow('query-shift', /\/detectors\/query-shift$/)
    await page.goBack()
    await page.goBack()
    await page.locator('.case h1').waitFor()
  })

  it('is served with a policy that forbids whatever is not its own', async () => {
    await serve()
    const { headers } = await fetch(`${console.address()}/incidents`)
    const parts = headers.get('content-security-policy')!.split('; ')
    expect(Object.fromEntries(parts.map((part) => part.split(' ')))).toEqual({
      ...{ 'default-src': "'none'", 'script-src': "'self'", 'style-src': "'self'", 'img-src': "'self'", 'connect-src': "'self'" },
      ...{ 'base-uri': "'none'", 'form-action': "'none'", 'frame-ancestors': "'none'" },
    })
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  })
})

describe.skipIf(executable === null)('names that are scripts', () => {
  const console = useConsole({ keep: true })
  beforeAll(() => fillStore(console.embedded, hostile))

  it.each(pagesOf(hostile))('are text on %s, and break where they must', async (name, path, selector) => {
    const { principal, model } = hostile
    const population = {
      detector: 'query-shift',
      population: model,
      subjects: 3,
      lacks: principal,
      since: 0,
      frozen: { by: principal, time: 0, note: '' },
    }
    const decisions = { ...makeDeps(console.embedded.store).decisions(), populations: [population] }
    await console.serve({
      receivers: [{ name: principal, url: `https://pager.example/${principal}`, format: 'standard', minSeverity: 'low' }] as never,
      status: () => ({
        ...idle,
        lag: [{ topic: model, partition: 0, records: 3 }],
        problems: [{ component: model, reason: principal, blocking: true }],
      }),
      settings: () => principal,
      decisions: () => decisions,
    })
    const page = await console.open(path, { viewport: { width: 375, height: 700 } })
    await settled(page, selector)
    await page.getByText('<script>').first().waitFor()
    if (name !== 'detectors') expect(await page.locator('main').textContent()).toContain("<script>document.title='owned'")
    expect(await page.locator('#app').locator('script, img:not([src="/icon.svg"])').count()).toBe(0)
    expect(await page.title()).not.toBe('owned')
    expect(await tooWide(page)).toEqual([])
  })
})

describe.skipIf(executable === null)('an empty store', () => {
  const console = useConsole({ keep: true })

  const told = [
    ['/incidents', 'OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318'],
    ['/incidents?severity=critical', 'Take a filter away'],
    ['/incidents/i-none', 'There is no such incident'],
    ['/principals', 'Send model calls with a user on them: user.id'],
    ['/principals?q=nobody', 'No principal is called like that'],
    ['/principals/nobody', 'Nothing is known of it'],
    ['/models', 'tidewatch inspect FILE'],
    ['/runs', 'tidewatch.training.sample'],
    ['/runs/none', 'There is no such run'],
    ['/detectors/none', 'There is no such detector'],
    ['/detectors/query-shift', 'It has given no p-values yet'],
    ['/pipeline', 'None is configured'],
    ['/incidents/a/b/c', 'There is no such incident'],
    ['/models/none', 'There is no such page'],
  ] as const

  it('is told on every page, with what to do', async () => {
    await console.serve()
    const page = await console.open()
    for (const [path, text] of told) {
      await page.goto(`${console.address()}${path}`)
      await page.locator('main', { hasText: text }).waitFor()
    }
  })
})

async function sameAfterReload(page: Page, selector: string): Promise<void> {
  const text = () => page.locator('main').textContent()
  const before = await text()
  await page.reload()
  await settled(page, selector)
  await expect.poll(text).toBe(before)
}

/** What makes the page wider than the screen. */
async function tooWide(page: Page): Promise<string[]> {
  return (await page.evaluate(`document.documentElement.scrollWidth <= innerWidth ? [] : ['page', ...document.querySelectorAll('main *')]
    .filter((node) => node === 'page' || node.getBoundingClientRect().right > innerWidth && node.parentElement.closest('.scroll, pre') === null)
    .map((node) => node.outerHTML?.slice(0, 100) ?? document.documentElement.scrollWidth)`)) as string[]
}

/** What axe finds against WCAG 2.2 A and AA, a line each. */
async function violations(page: Page): Promise<string[]> {
  const options = JSON.stringify({
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    resultTypes: ['violations'],
  })
  const { violations } = (await page.evaluate(`axe.run(document, ${options})`)) as axe.AxeResults
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`)
}

/** Links and controls that Tab does not come to. */
async function outOfReach(page: Page): Promise<string[]> {
  await page.setViewportSize({ width: 1280, height: 700 })
  const count = (await page.evaluate(`(() => {
    document.activeElement.blur()
    window.left = new Set([...document.querySelectorAll('a[href], button:not([disabled]), input, select, summary')].filter((node) => node.checkVisibility()))
    document.addEventListener('focusin', ({ target }) => window.left.delete(target))
    return left.size
  })()`)) as number
  for (let step = 0; step < count + 40; step++) await page.keyboard.press('Tab')
  return (await page.evaluate('[...window.left].map((node) => node.outerHTML.slice(0, 120))')) as string[]
}
