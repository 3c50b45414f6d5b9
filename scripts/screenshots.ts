// `npm run screenshots`: the pictures of the README and of docs/console.md, taken in Chromium of a console that has seen the demo.
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { findChromium, launchChromium } from '../test/support/browser.ts'
import { buildConsole } from './build-console.ts'
import { examples } from './pictures/example-telemetry.ts'
import { startPictureInstance } from './pictures/instance.ts'

const folder = fileURLToPath(new URL('../docs/pictures/', import.meta.url))

interface Picture {
  readonly name: string
  readonly path: string
  /** What is to be seen before it is taken. */
  readonly ready: string
  readonly theme?: 'light' | 'dark'
  readonly width?: number
  readonly height?: number
}

const wide = 1_200

/** Every request of the page is answered and drawn. */
async function settled(page: Page, selector: string): Promise<void> {
  await page.locator('.connection[data-state="live"]').waitFor()
  await page.locator(selector).first().waitFor()
  for (const waiting of await page.getByText('Reading…').all()) await waiting.waitFor({ state: 'detached' })
  await page.evaluate('document.fonts.ready')
  await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))')
}

const executable = findChromium()
if (executable === null) {
  process.stderr.write('pictures need Chromium\n')
  process.exit(1)
}
await buildConsole()
const instance = await startPictureInstance()
const browser = await launchChromium(executable)
try {
  const { incident, attacker } = instance
  const pictures: readonly Picture[] = [
    { name: 'incidents', path: '/incidents', ready: '.incident', height: 420 },
    { name: 'incident', path: `/incidents/${incident}`, ready: '.figure canvas', height: 1_000 },
    { name: 'incident-dark', path: `/incidents/${incident}`, ready: '.figure canvas', height: 1_000, theme: 'dark' },
    { name: 'incident-phone', path: `/incidents/${incident}`, ready: '.figure canvas', width: 390, height: 844 },
    { name: 'principals', path: '/principals', ready: 'tbody tr', height: 560 },
    { name: 'principal', path: `/principals/${attacker}`, ready: 'canvas', height: 900 },
    { name: 'models', path: '/models', ready: 'tbody tr', height: 260 },
    { name: 'run', path: `/runs/${examples.poisoned}`, ready: '.confusion', height: 900 },
    { name: 'federation', path: `/runs/${examples.federation}`, ready: '.heat', height: 620 },
    { name: 'detectors', path: '/detectors', ready: 'tbody tr', height: 800 },
    { name: 'detector', path: '/detectors/volume-and-breadth', ready: 'canvas', height: 900 },
    { name: 'pipeline', path: '/pipeline', ready: 'tbody tr', height: 760 },
    { name: 'settings', path: '/settings', ready: '.yaml', height: 620 },
  ]
  await mkdir(folder, { recursive: true })
  for (const { name, path, ready, theme = 'light', width = wide, height = 800 } of pictures) {
    const viewport = { width, height }
    const context = await browser.newContext({ viewport, colorScheme: theme, timezoneId: 'UTC', locale: 'en-GB', reducedMotion: 'reduce' })
    const page = await context.newPage()
    await page.goto(`${instance.console}${path}`)
    await settled(page, ready)
    await page.screenshot({ path: `${folder}${name}.png` })
    await context.close()
    process.stderr.write(`docs/pictures/${name}.png\n`)
  }
} finally {
  await browser.close()
  await instance.stop()
}
