import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { TidewatchError } from '../errors.ts'
import { type ConfigDocument, type Place, readDocument } from './document.ts'
import { configJsonSchema } from './json-schema.ts'
import { ConfigError, type ConfigProblem, explain, keyOf } from './problems.ts'
import { type Config, configSchema } from './schema.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface ConfigRequest {
  /** The configuration file; absent: defaults only. */
  readonly path?: string | undefined
  readonly env: Environment
}

/** A configuration and where its values were written. Keys that are in no `places` have their defaults. */
export interface LoadedConfig {
  readonly config: Config
  readonly places: ReadonlyMap<string, Place>
}

/** The file that `tidewatch run` and `tidewatch config` read when `--config` names none. */
export const defaultConfigFile = 'tidewatch.yaml'

/** `tidewatch.yaml` of a folder where it exists, otherwise undefined: the defaults. */
export function defaultConfigPath(directory: string = process.cwd()): string | undefined {
  const path = join(directory, defaultConfigFile)
  return existsSync(path) ? path : undefined
}

/**
 * The configuration of a file with environment variables and defaults filled in.
 * Throws ConfigError (TW_CONFIG_INVALID) with every problem at once, TW_CONFIG_UNREADABLE when there is no such file.
 */
export function loadConfig(request: ConfigRequest): Config {
  return loadConfigWithPlaces(request).config
}

/** As `loadConfig`, and tells where each value was written. */
export function loadConfigWithPlaces({ path, env }: ConfigRequest): LoadedConfig {
  if (path === undefined) return { config: configSchema.parse({}), places: new Map() }
  return parseConfig(readText(path), path, env)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
  } catch (cause) {
    throw new TidewatchError('TW_CONFIG_UNREADABLE', `${path} (${(cause as NodeJS.ErrnoException).code ?? 'unknown reason'})`, { cause })
  }
}

/** As `loadConfig` for text; `file` names it in errors. */
export function parseConfig(text: string, file: string, env: Environment): LoadedConfig {
  const document = readDocument(text, env)
  let { value } = document
  let result = configSchema.safeParse(value)
  if (!result.success) {
    // Variables are text. Where the schema wants no text, they are read as YAML would read them: `${PORT}` may be a number.
    const retyped = result.error.issues
      .map(({ path }) => path)
      .filter((path) => (document.places.get(keyOf(path))?.variables.length ?? 0) > 0)
    value = retyped.reduce((whole, path) => withScalar(whole, path), value)
    result = configSchema.safeParse(value)
  }
  const problems = [...document.problems, ...(result.success ? [] : schemaProblems(result.error.issues, value, document))]
  if (problems.length > 0 || !result.success) throw new ConfigError(file, problems.toSorted(byPlace))
  return { config: result.data, places: document.places }
}

function schemaProblems(issues: Parameters<typeof explain>[0][], value: unknown, document: ConfigDocument): ConfigProblem[] {
  const root = configJsonSchema()
  const known = document.problems.map(({ key }) => key)
  return issues
    .flatMap((issue) => explain(issue, value, root))
    .map(({ path, message }) => ({ key: keyOf(path), message, ...nearest(path, document.places) }))
    .filter(({ key }) => !known.includes(key) && !known.includes(''))
}

/** Where a key stands, or the innermost key around it that is written in the file. */
function nearest(path: readonly PropertyKey[], places: ReadonlyMap<string, Place>): { line: number; column: number } {
  for (let length = path.length; length > 0; length--) {
    const place = places.get(keyOf(path.slice(0, length)))
    if (place) return { line: place.line, column: place.column }
  }
  return { line: 1, column: 1 }
}

/** The same value, its text at `path` read as a YAML number or boolean where it is one. */
function withScalar(value: unknown, path: readonly PropertyKey[]): unknown {
  if (path.length === 0) {
    const scalar = typeof value === 'string' && /^[\w.+-]+$/.test(value) ? parse(value) : value
    return typeof scalar === 'number' || typeof scalar === 'boolean' ? scalar : value
  }
  const [key, ...rest] = path
  const inner = (value as Record<PropertyKey, unknown>)[key]
  if (Array.isArray(value)) return value.with(key as number, withScalar(inner, rest))
  return { ...(value as object), [key]: withScalar(inner, rest) }
}

function byPlace(a: ConfigProblem, b: ConfigProblem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)
}
