import { configurationPage } from './configuration-page.ts'
import { detectorsPage } from './detectors-page.ts'
import { errorsPage } from './errors-page.ts'
import { telemetryPage } from './telemetry-page.ts'

/** Pages of the documentation that are made from the code: path to text. `npm run docs` writes them, a test compares them. */
export const pages: Readonly<Record<string, () => string>> = {
  'docs/configuration.md': configurationPage,
  'docs/detectors/reference.md': detectorsPage,
  'docs/errors.md': errorsPage,
  'docs/telemetry.md': telemetryPage,
}
