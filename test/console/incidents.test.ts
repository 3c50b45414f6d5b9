import { describe, expect, it } from 'vitest'
import { idle, storeAlerts, TOKENS } from '../server/fixture.ts'
import { makeAlert } from '../support/alerts.ts'
import { executable, live, useConsole } from './open-console.ts'

describe.skipIf(executable === null)('the list of incidents', () => {
  const console = useConsole()
  const { serve, open, publish } = console

  it('says what to send while nothing has come in, and that all is quiet once something has', async () => {
    let events = 0
    await serve({ status: () => ({ ...idle, events }) })
    const page = await open()
    await live(page)
    await page.getByText('Nothing has come in yet').waitFor()
    await page.getByText('OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318').waitFor()
    events = 1_234
    await page.getByText('No incidents', { exact: true }).waitFor()
  })

  it('shows an alert within two seconds of its being published, and its changes in the same place', async () => {
    await serve()
    const page = await open('/incidents?open=all')
    await live(page)
    const alert = makeAlert()
    await publish(alert)
    const began = performance.now()
    await page.locator('.incident .title', { hasText: alert.title }).waitFor({ timeout: 2_000 })
    expect(performance.now() - began).toBeLessThan(2_000)
    await page.getByText('1 in 320,000 by chance').waitFor()
    await publish(makeAlert({ id: 'a-2', status: 'updated', severity: 'critical', time: '2026-03-01T12:05:00.000000Z' }))
    await page.locator('.incident[data-severity="critical"]').waitFor()
    expect(await page.title()).toBe('(1) Incidents · Tidewatch')
    await publish(makeAlert({ id: 'a-3', status: 'resolved', time: '2026-03-01T13:00:00.000000Z' }))
    await page.locator('.incident[data-status="resolved"]').waitFor()
    expect(await page.locator('.incident').count()).toBe(1)
    await page.getByText('0 open of 1').waitFor()
  })

  it('shows what was there before, last changed first, and only what is open', async () => {
    await serve()
    await storeAlerts(console.embedded.store, [
      makeAlert({ title: 'older' }),
      makeAlert({ id: 'b', incident: 'i-2', title: 'newer', time: '2026-03-02T00:00:00.000000Z' }),
      makeAlert({ id: 'c', incident: 'i-3', title: 'over', status: 'resolved' }),
    ])
    const page = await open()
    await page.locator('.incident').nth(1).waitFor()
    expect(await page.locator('.incident .title').allTextContents()).toEqual(['newer', 'older'])
  })

  it('filters by the address, which can be handed on, and searches as one types', async () => {
    await serve()
    await storeAlerts(console.embedded.store, [
      makeAlert({ title: 'first', severity: 'low' }),
      makeAlert({ id: 'b', incident: 'i-2', title: 'second', severity: 'critical' }),
      makeAlert({ id: 'c', incident: 'i-3', title: 'third', severity: 'critical', status: 'resolved' }),
    ])
    const titles = (page: Awaited<ReturnType<typeof open>>) => page.locator('.incident .title').allTextContents()
    const page = await open()
    await page.locator('.incident').nth(1).waitFor()
    await page.getByLabel('Severity').selectOption('critical')
    await page.waitForURL(/severity=critical/)
    await page.getByText('first').waitFor({ state: 'detached' })
    expect(await titles(page)).toEqual(['second'])
    await page.getByLabel('Status').selectOption('All')
    await page.getByText('third').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('h1').click()
    await page.keyboard.press('/')
    await page.keyboard.type('THIR')
    await page.getByText('second').waitFor({ state: 'detached' })
    const other = await open(new URL(page.url()).pathname + new URL(page.url()).search)
    await other.getByText('third').waitFor()
    expect(await titles(other)).toEqual(['third'])
    expect(await other.getByLabel('Search').inputValue()).toBe('THIR')
    await other.getByLabel('Search').fill('nothing like it')
    await other.getByText('No incident is like that').waitFor()
  })

  it('shows names from telemetry as text, whatever they are, on the list and on every page that they lead to', async () => {
    await serve()
    const page = await open()
    await live(page)
    const name = `<script>document.title='owned'</script><img src=x onerror="document.title='owned'">`
    await publish(
      makeAlert({
        subject: { kind: 'principal', id: name },
        title: `Queries of principal ${name}`,
        model: name,
        members: [
          { kind: 'principal', id: name },
          { kind: 'principal', id: `${name}2` },
        ],
        evidence: { [name]: name },
      }),
    )
    await page.locator('.incident').waitFor()
    expect(await page.locator('.title').textContent()).toBe(`Queries of principal ${name}`)
    await page.locator('.title').click()
    await page.locator('h1', { hasText: name }).waitFor()
    await page.locator('.facts dd', { hasText: name }).first().waitFor()
    await page.getByRole('link', { name, exact: true }).first().click()
    await page.waitForURL(/\/principals\//)
    await page.locator('h1', { hasText: name }).waitFor()
    await page.reload()
    await page.locator('h1', { hasText: name }).waitFor()
    expect(await page.locator('#app').locator('script, img:not([src="/icon.svg"])').count()).toBe(0)
    expect(await page.title()).not.toContain('owned')
  })

  it('comes back after the server was away and shows what happened meanwhile', async () => {
    await serve()
    const page = await open()
    await live(page)
    await publish(makeAlert())
    await page.locator('.incident').waitFor()
    const port = Number(new URL(console.address()).port)
    await console.stop()
    await page.locator('.connection[data-state="lost"]').waitFor()
    await serve({}, { port })
    await storeAlerts(console.embedded.store, [
      makeAlert({ id: 'b', incident: 'i-2', title: 'while away', time: '2026-03-01T14:00:00.000000Z' }),
    ])
    await page.getByText('while away').waitFor()
    console.forgive()
  })

  it('asks for a token where one is needed, and tells problems', async () => {
    await serve(
      { status: () => ({ ...idle, problems: [{ component: 'kafka', reason: 'no broker answers', blocking: true }] }) },
      { tokens: TOKENS },
    )
    await storeAlerts(console.embedded.store, [makeAlert()])
    const page = await open()
    await page.getByLabel('asks for a token').fill(TOKENS[0].token)
    await page.keyboard.press('Enter')
    await live(page)
    await page.getByText('no broker answers').waitFor()
    await page.locator('.incident .title').click()
    await page.getByRole('button', { name: 'Acknowledge' }).click()
    await page.getByText('This needs the token of an operator.').waitFor()
  })

  it('is used by keyboard alone', async () => {
    await serve()
    await storeAlerts(console.embedded.store, [makeAlert()])
    const page = await open()
    await page.locator('.incident').waitFor()
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toContain('Skip to the content')
    await page.locator('.title').focus()
    await page.keyboard.press('Enter')
    await page.locator('.case h1').waitFor()
    // Reading begins at the page's content.
    expect(await page.evaluate('document.activeElement.id')).toBe('main')
    await page.goBack()
    await page.locator('.incident').waitFor()
  })

  it('answers unknown addresses with an error, and pages with the console', async () => {
    await serve()
    expect((await fetch(`${console.address()}/nowhere`)).status).toBe(404)
    const page = await fetch(`${console.address()}/principals/a%2Fb`)
    expect(page.status).toBe(200)
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'")
    expect((await fetch(`${console.address()}/incidents`, { method: 'POST' })).status).toBe(404)
  })
})
