// Puts beside the compiled code what the compiler does not copy: migrations, the executable bit.
import { chmod, cp, stat } from 'node:fs/promises'

const root = new URL('..', import.meta.url)
const exists = (path) =>
  stat(new URL(path, root)).then(
    () => true,
    () => false,
  )
const copy = async (from, to, keep) => {
  if (await exists(from)) await cp(new URL(from, root), new URL(to, root), { recursive: true, filter: keep })
}

await copy('src/store/migrations', 'dist/src/store/migrations', (path) => !/\.[^/\\]+$/.test(path) || path.endsWith('.sql'))
if (await exists('dist/src/cli/main.js')) await chmod(new URL('dist/src/cli/main.js', root), 0o755)
