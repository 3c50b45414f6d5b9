import { fileURLToPath } from 'node:url'

/** The console's built files: beside the compiled code; for sources that run as they are, in `dist`, where `npm run build` puts them. */
export const consoleFolder = fileURLToPath(
  new URL(
    import.meta.url.endsWith('/dist/src/server/console.js') ? '../../dashboards/console/' : '../../dist/dashboards/console/',
    import.meta.url,
  ),
)

const pages = ['incidents', 'principals', 'models', 'runs', 'detectors', 'pipeline', 'settings']

/** Whether an address is one of the console's pages, all of which are the same file: the page is chosen in the browser. */
export function isConsolePage(url: string): boolean {
  return pages.includes(url.split(/[/?]/, 2)[1] ?? '')
}
