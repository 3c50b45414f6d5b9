import { execFile } from 'node:child_process'
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const here = fileURLToPath(new URL('.', import.meta.url))
const VERSION = '4.4.0'
const IMAGE = `apache/kafka:${VERSION}`

/** How a broker's Java process is started: on this machine, or in a container that sees the same folders and ports. */
export interface KafkaRuntime {
  readonly kind: 'java' | 'container'
  /** Folder that outlives a run: jars, formatted storage, class archives. */
  readonly cache: string
  /** The command line of a Java program; `name` names the container, where there is one. */
  command(name: string, folder: string, java: readonly string[]): string[]
  /** SIGKILL for a container; on this machine the process id is enough. */
  killContainer(name: string): Promise<void>
  readonly classpath: string
}

async function works(command: string, args: readonly string[]): Promise<boolean> {
  return run(command, args, { timeout: 20_000 }).then(
    () => true,
    () => false,
  )
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tidewatch-test', `kafka-${VERSION}`)
}

/** Jars of the pom beside this file, copied once; a complete folder appears by one rename, so that two runs at a time do no harm. */
async function jars(cache: string): Promise<string> {
  const folder = join(cache, 'jars')
  const wanted = await readFile(join(here, 'pom.xml'), 'utf8')
  const stamp = join(folder, 'pom.xml')
  if ((await readFile(stamp, 'utf8').catch(() => '')) === wanted) return folder
  const fresh = `${folder}.${process.pid}`
  await mkdir(fresh, { recursive: true })
  await run('mvn', ['-q', '-B', '-f', join(here, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${fresh}`], {
    timeout: 300_000,
    maxBuffer: 16 * 2 ** 20,
  })
  await run('cp', [join(here, 'pom.xml'), fresh])
  await rm(folder, { recursive: true, force: true })
  await rename(fresh, folder)
  return folder
}

/**
 * What this machine can start a broker with, or why it cannot. Java 17 and (for the first time) Maven come first,
 * a container engine is used only where they are missing.
 */
export async function kafkaRuntime(): Promise<KafkaRuntime | { missing: string }> {
  const cache = cacheFolder()
  if (await works('java', ['-version'])) {
    if ((await exists(join(cache, 'jars', 'pom.xml'))) || (await works('mvn', ['-version']))) {
      const folder = await jars(cache)
      return {
        kind: 'java',
        cache,
        classpath: join(folder, '*'),
        command: (_name, _folder, java) => ['java', ...java],
        killContainer: async () => {},
      }
    }
  }
  if (await works('docker', ['info'])) {
    await mkdir(cache, { recursive: true })
    return {
      kind: 'container',
      cache,
      classpath: '/opt/kafka/libs/*',
      command: (name, folder, java) => {
        const mounts = [folder, here, cache].flatMap((path) => ['-v', `${path}:${path}`])
        return [
          'docker',
          'run',
          '--rm',
          '--name',
          name,
          '--network',
          'host',
          '--user',
          '0',
          ...mounts,
          '--entrypoint',
          'java',
          IMAGE,
          ...java,
        ]
      },
      killContainer: async (name) => {
        await works('docker', ['kill', name])
      },
    }
  }
  return { missing: 'no Kafka for tests: neither Java 17 with Maven nor a container engine is here, and KAFKA_BROKERS is not set' }
}
