import type { Page } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import type { ModelRow } from '../../src/server/read-models.ts'
import type { RankedPrincipal } from '../../src/server/read-principals.ts'
import type { RunRow } from '../../src/server/read-runs.ts'
import { idle, makeDeps } from '../server/fixture.ts'
import { fillStore, plain } from './full-store.ts'
import { executable, live, useConsole } from './open-console.ts'

const figure = (page: Page, title: string) => page.locator('.figure', { has: page.locator(`strong:text-is("${title}")`) })

/** Rows of a table as texts by column. */
async function rowsOf(page: Page, caption: string): Promise<Record<string, string>[]> {
  const table = page.locator('table', { has: page.locator(`caption:text-is("${caption}")`) })
  await table.waitFor()
  const names = await table.locator('thead th').allTextContents()
  const rows = await table.locator('tbody tr').all()
  return Promise.all(
    rows.map(async (row) => {
      const cells = await row.locator('td').allTextContents()
      return Object.fromEntries(names.map((name, at) => [name, cells[at]!]))
    }),
  )
}

/** Numbers of a line in the table beside a picture. */
const numbersOf = (page: Page, title: string, line: string) =>
  figure(page, title).locator(`.numbers tr:has(td:text-is("${line}")) td:nth-child(3)`).allTextContents()

describe.skipIf(executable === null)('pages of the console show the numbers of the API', () => {
  const console = useConsole({ keep: true })
  const { serve, open } = console
  const get = async <T>(path: string): Promise<T> => (await fetch(`${console.address()}/api/v1/${path}`)).json() as Promise<T>
  beforeAll(() => fillStore(console.embedded))

  it('principals: the riskiest first, searched as one types, page by page', async () => {
    await serve()
    const page = await open('/principals?days=30')
    const rows = await rowsOf(page, 'Principals by risk')
    const api = await get<{ total: number; items: RankedPrincipal[] }>('principals?days=30')
    expect(rows.map(({ Principal }) => Principal)).toEqual(api.items.map(({ id }) => id))
    expect(rows[0]).toMatchObject({ Risk: 'high', Principal: 'mallory', Open: '1', 'Least p': '1.0 × 10⁻⁴', By: 'query-shift', Calls: '3' })
    expect(rows[1]).toMatchObject({ Risk: 'high', Principal: 'trudy' })
    await page.getByText('1 to 42 of 42').waitFor()
    expect(await page.getByRole('button', { name: 'Less risky' }).isDisabled()).toBe(true)
    await page.getByLabel('Search').fill('USER-0')
    await page.getByText('1 to 10 of 10').waitFor()
    await page.waitForURL(/q=USER-0/)
  })

  it('principals: a name in the clear leads to what is stored instead of it', async () => {
    await serve({ pseudonym: (name) => (name === 'mallory@example.org' ? 'mallory' : 'nobody') })
    const page = await open('/principals')
    await page.getByText('Look up a name in the clear').click()
    await page.getByPlaceholder('mallory@example.org').fill('mallory@example.org')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/principals\/mallory$/)
    await page.locator('h1', { hasText: 'mallory' }).waitFor()
  })

  it('a principal: its calls by the hour, its models, links, incidents and what the detectors say', async () => {
    await serve()
    const page = await open('/principals/mallory')
    await figure(page, 'Calls').waitFor()
    const api = await get<{ hours: { calls: number }[]; looks: { value: number; quantity: string }[] }>('principals/mallory')
    expect((await numbersOf(page, 'Calls', 'calls')).map(Number)).toEqual(api.hours.map(({ calls }) => calls))
    expect(await numbersOf(page, 'Calls', 'errors')).toEqual(['1'])
    expect(await rowsOf(page, 'Models that it uses')).toEqual([
      { Model: 'ticket-router', Calls: '3', 'Different inputs': '3', 'Tokens in': '60', 'Tokens out': '30', 'With logprobs': '0' },
    ])
    const [row] = await rowsOf(page, 'Detectors about this principal')
    expect(row).toMatchObject({ Detector: 'query-shift', Looks: '10', 'Newest p': '1.0 × 10⁻⁴', Of: api.looks[0]!.quantity })
    expect(row!['Newest value']).toBe(api.looks[0]!.value.toPrecision(3))
    expect(await rowsOf(page, 'Links of this principal')).toEqual([{ Kind: 'payment', Value: 'card of mallory', Calls: '3' }])
    await page.getByRole('link', { name: 'principal mallory asks' }).click()
    await page.waitForURL(/\/incidents\/i-0001$/)
  })

  it('models: by calls, with their traffic and a way to their incidents', async () => {
    await serve()
    const page = await open('/models')
    const [row] = await rowsOf(page, 'Models by calls')
    const [model] = (await get<{ items: ModelRow[] }>('models')).items
    expect(row).toMatchObject({
      Model: 'ticket-router',
      Service: 'production / gateway',
      'Open incidents': '1',
      Calls: '44',
      Principals: '42',
    })
    expect(row).toMatchObject({ Errors: '2.27 %', 'Mean ms': '250' })
    expect(model!.steps.reduce((sum, calls) => sum + calls, 0)).toBe(44)
    const label = await page.locator('.spark').getAttribute('aria-label')
    expect(label).toContain(`at most ${Math.max(...model!.steps)} calls a step`)
    await page.getByRole('cell', { name: '1', exact: true }).getByRole('link').click()
    await page.waitForURL(/\/incidents\?model=ticket-router$/)
    await page.locator('.incident').waitFor()
  })

  it('runs: who is poisoning one is seen in its confusion matrix', async () => {
    await serve()
    const page = await open('/runs')
    const [row] = await rowsOf(page, 'Training runs, the newest first')
    const [run] = (await get<{ items: RunRow[] }>('runs')).items
    expect(row).toMatchObject({ Run: plain.run, 'Open incidents': '1', Samples: '600', Sources: '10', Rounds: '8', Clients: '12' })
    expect(run!.samples).toBe(600)
    await page.getByRole('link', { name: plain.run }).click()
    const sources = await rowsOf(page, 'Sources, those whose labels the model contradicts most first')
    expect(sources[0]).toMatchObject({ Source: 'forum', Samples: '60', 'Labels unlike the model': '16.7 %', Shards: '2' })
    // 10 of the 30 that the model calls ham are labelled spam: 10 of 40 of that label.
    await page.getByText('of what it calls spam the model says ham in 25 % (others < 1 %)').waitFor()
    const odd = page.locator('.confusion [data-odd="true"]')
    expect(await odd.count()).toBe(1)
    expect(await odd.getAttribute('title')).toBe('10 of 40; other sources 0 %')
    const { cells } = await get<{ cells: { label: string; predicted: string; own: number }[] }>(`runs/${plain.run}/confusion?source=forum`)
    expect(cells.find(({ label, predicted }) => label === 'spam' && predicted === 'ham')).toMatchObject({ own: 10, others: 0 })
    await page.getByRole('button', { name: 'shop-3' }).click()
    await page.waitForURL(/source=shop-3/)
    await page.getByText('No pair of classes stands out').waitFor()
    expect(await odd.count()).toBe(0)
  })

  it('runs: a client that pushes is seen in the map of rounds and clients', async () => {
    await serve()
    const page = await open(`/runs/${plain.run}`)
    const map = figure(page, 'Norms of the updates')
    await map.waitFor()
    await map.getByText('12 clients in 8 rounds; above three times the median: phone-9.').waitFor()
    const rows = await map.locator('.numbers tbody tr').all()
    const { updates } = await get<{ updates: { round: number; client: string; norm: number }[] }>(`runs/${plain.run}`)
    expect(rows).toHaveLength(updates.length)
    const [worst] = await Promise.all(rows.slice(0, 2).map((row) => row.locator('td').allTextContents()))
    // Of twelve norms, 1.01 to 1.11 and 10, the seventh stands for the middle.
    expect(worst!.slice(0, 2)).toEqual(['phone-9', expect.stringMatching(/^[67]$/)])
    expect(worst![2]).toBe('norm 10, 9.35 times the round’s median')
    // The picture itself tells a cell under the pointer.
    await map.locator('canvas').scrollIntoViewIfNeeded()
    const box = (await map.locator('canvas').boundingBox())!
    await page.mouse.move(box.x + box.width - 8, box.y + 6)
    await map.getByText('client phone-9, round 7: norm 10').waitFor()
  })

  it('detectors: budget, who can judge, and on its page how honest the p-values of one are', async () => {
    await serve()
    const page = await open('/detectors')
    await page.getByText('1 a day is accepted. On 2026-03-04 the tests so far may open 0.25 of it').waitFor()
    expect(await page.locator('.meters meter').first().getAttribute('value')).toBe('0.25')
    const [row] = await rowsOf(page, 'Detectors')
    expect(row).toMatchObject({ Detector: 'query-shift', Category: 'extraction', State: 'armed for 1 of 2', Hears: 'call' })
    await page.getByRole('link', { name: 'query-shift' }).click()
    await page.getByText('28 more subjects').first().waitFor()
    const { levels, subjectDays, hours } = await get<{
      levels: { level: number; found: number; share: number }[]
      subjectDays: number
      hours: { looks: number }[]
    }>('detectors/query-shift/calibration')
    await figure(page, 'p-values').waitFor()
    const shares = levels.filter(({ found }) => found > 0).map(({ share }) => share)
    expect((await numbersOf(page, 'p-values', 'found')).map(Number).reverse()).toEqual(shares.map((share) => Number(share.toPrecision(3))))
    expect(await figure(page, 'p-values').textContent()).toContain(`Of ${subjectDays} subjects and days, 1 (2.44 %)`)
    expect((await numbersOf(page, 'How often it speaks', 'looks')).map(Number)).toEqual(hours.map(({ looks }) => looks))
    expect(await rowsOf(page, 'References')).toHaveLength(2)
  })

  it('pipeline: lag, dead letters that are replayed one by one or together, each once', async () => {
    const resent: string[] = []
    await serve({
      status: () => ({ ...idle, events: 44, deadLetters: 3, lag: [{ topic: 'otlp_spans', partition: 2, records: 1_234 }] }),
      resend: async ({ letter, value }) => {
        resent.push(letter)
        expect(value).toHaveLength(40)
      },
    })
    const page = await open('/pipeline')
    expect(await rowsOf(page, 'Lag by partition')).toEqual([{ Topic: 'otlp_spans', Partition: '2', 'Records waiting': '1,234' }])
    const letters = await rowsOf(page, 'Records that were refused')
    expect(letters.map(({ Size }) => Size)).toEqual(['70 kB', '40 B', '40 B'])
    expect(letters[0]).toMatchObject({ Code: 'TW_TELEMETRY_MALFORMED', Reason: plain.reason, Where: 'otlp_spans, traces' })
    expect(letters[0]!.Again).toContain('only 40 of its 70000 bytes are kept')
    await page.getByRole('button', { name: 'Replay TW_TELEMETRY_MALFORMED of 2026-03-01T12:00:00' }).click()
    await page.getByText('1 put into the log again.').waitFor()
    await page.getByText('replayed by local').waitFor()
    expect(resent).toEqual(['otlp_spans:e:0:0:0'])
    await page.getByLabel('Show').selectOption('Not replayed')
    await page.waitForURL(/replayed=false/)
    await page.getByText('replayed by local').waitFor({ state: 'detached' })
    expect(await rowsOf(page, 'Records that were refused')).toHaveLength(2)
    expect(await page.getByRole('button', { name: /Replay these/ }).count()).toBe(0)
  })

  it('pipeline: receivers are tested, deliveries sent again with their id', async () => {
    const replayed: object[] = []
    const tested: string[] = []
    await serve({
      receivers: [{ name: 'pager', url: 'https://pager.example/', format: 'standard', minSeverity: 'high' }] as never,
      webhooks: () => [{ target: 'pager', waiting: 2, more: false, failures: 3, lastFailure: 'HTTP 503', dead: 1 }],
      testWebhook: async (name) => {
        tested.push(name)
        return []
      },
      replayWebhooks: async (selection) => {
        replayed.push(selection)
        return []
      },
    })
    const page = await open('/pipeline')
    expect((await rowsOf(page, 'Receivers of alerts'))[0]).toMatchObject({
      ...{
        Name: 'pager',
        URL: 'https://pager.example/',
        'Hears of': 'everything, high and worse',
        Waiting: '2',
        State: 'failed 3 times: HTTP 503',
      },
    })
    await page.getByRole('button', { name: 'Send a test to pager' }).click()
    await page.getByText('A test alert and its end were sent to pager.').waitFor()
    expect(tested).toEqual(['pager'])
    const row = page.locator('tr', { has: page.getByText('a-p', { exact: true }) })
    await row.getByText('waits').waitFor()
    const settle = {
      id: 'a-p',
      target: 'pager',
      state: 'dead',
      attempt: 5,
      incident: 'i-poison',
      created: 1_772_366_400_000_000,
      ordinal: 0,
    }
    await console.embedded.store.insert(
      'webhook_deliveries',
      [{ ...settle, body: '', updated: 1_772_366_500_000_000, http_status: 503, reason: 'HTTP 503' }],
      'pages/dead',
    )
    await page.getByLabel('State').selectOption('Given up')
    await page.waitForURL(/state=dead/)
    await page.getByText('dead', { exact: true }).waitFor()
    expect(await rowsOf(page, 'Webhook deliveries')).toMatchObject([
      { Receiver: 'pager', Incident: 'i-poison', State: 'dead', Attempts: '5', Answer: 'HTTP 503' },
    ])
    await page.getByRole('button', { name: 'Send again to pager' }).click()
    await page.getByText('Sent again to pager, with the same id.').waitFor()
    expect(replayed).toMatchObject([{ id: 'a-p', target: 'pager' }])
    await page.getByRole('link', { name: 'i-poison' }).click()
    await page.waitForURL(/\/incidents\/i-poison$/)
  })

  it('pipeline: many deliveries are turned page by page', async () => {
    await console.embedded.store.insert(
      'webhook_deliveries',
      Array.from({ length: 45 }, (_, at) => ({
        ...{
          id: `many-${at}`,
          target: 'pager',
          state: 'delivered',
          attempt: 1,
          incident: `inc-${at}`,
          created: 1_772_366_400_000_000 + at,
        },
        ...{ ordinal: 0, body: '', updated: 1_772_366_400_000_000, http_status: 204, reason: '' },
      })),
      'pages/many',
    )
    await serve()
    const page = await open('/pipeline?state=delivered')
    const ids = async () => (await rowsOf(page, 'Webhook deliveries')).map((row) => row['webhook-id']!)
    expect(await ids()).toEqual(Array.from({ length: 20 }, (_, at) => `many-${44 - at}`))
    const pages = page.getByRole('navigation', { name: 'Pages of the list' }).last()
    for (const first of ['many-24', 'many-4']) {
      await pages.getByRole('button', { name: 'Older' }).click()
      await page.getByText(first, { exact: true }).waitFor()
    }
    expect(await ids()).toHaveLength(5)
    expect(await pages.getByRole('button', { name: 'Older' }).isDisabled()).toBe(true)
    await pages.getByRole('button', { name: 'Newest' }).click()
    await page.getByText('many-44', { exact: true }).waitFor()
  })

  it('settings: the configuration as it runs, and where telemetry goes', async () => {
    await serve({ settings: () => 'server:\n  port: 8686\nwebhooks:\n  - secret: "********"\n' })
    const page = await open('/settings', { timezoneId: 'Asia/Kolkata' })
    await live(page)
    await page.locator('.yaml', { hasText: 'secret: "********"' }).waitFor()
    await page.locator('dd', { hasText: 'http://127.0.0.1:4318, grpc://127.0.0.1:4317' }).waitFor()
    await page.locator('dd', { hasText: 'Asia/Calcutta, UTC+5:30' }).waitFor()
    expect(await page.getByRole('link', { name: 'OpenAPI document' }).getAttribute('href')).toBe('/api/v1/openapi.json')
  })

  it('what a viewer may not do is refused and said so', async () => {
    const tokens = [
      { name: 'wall', token: 'viewer-token-0123456789', role: 'viewer' },
      { name: 'ops', token: 'operator-token-0123456789', role: 'operator' },
    ]
    await serve(makeDeps(console.embedded.store), { tokens })
    const page = await open('/pipeline')
    await page.getByLabel('asks for a token').fill('viewer-token-0123456789')
    await page.keyboard.press('Enter')
    await page
      .getByRole('button', { name: /^Replay TW_TELEMETRY/ })
      .first()
      .click()
    await page.getByText('This needs the token of an operator.').waitFor()
  })
})
