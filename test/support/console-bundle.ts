import { buildConsole } from '../../scripts/build-console.ts'

/** The server serves the console from where the build puts it; tests see it as the sources are now. */
export default async function setup(): Promise<void> {
  await buildConsole()
}
