import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Path of Tidewatch's package.json, seen from the sources and from `dist` alike. */
const packageFile = ['../../package.json', '../../../package.json']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(path))!

/** Tidewatch's own folder, where its docs are. */
export const packageRoot = dirname(packageFile)

/** The version of this Tidewatch. */
export const version: string = (JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }).version
