import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const CANDIDATES = [process.env.CHROMIUM_PATH, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'] as const

/** The Chromium to test with; null when there is none. In CI there must be one. */
export function findChromium(): string | null {
  const found = CANDIDATES.find((path) => path !== undefined && existsSync(path)) ?? null
  if (found === null && process.env.CI) throw new Error('CI needs Chromium: install the package chromium or set CHROMIUM_PATH')
  if (found === null) console.warn('skipped: browser tests need Chromium (apt-get install chromium, or CHROMIUM_PATH)')
  return found
}

/** Chromium that talks to nobody but the page. */
export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}
