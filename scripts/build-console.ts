// The console as static files beside the compiled code: one script, one style sheet, nothing loaded from elsewhere.
import { cp, mkdir, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))

/** Bundles the console into `folder`. */
export async function buildConsole(folder = at('dist/dashboards/console')): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await build({
    entryPoints: [{ in: at('dashboards/console/main.tsx'), out: 'console' }],
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'linked',
    logLevel: 'warning',
  })
  for (const file of ['index.html', 'icon.svg']) await cp(at(`dashboards/console/${file}`), `${folder}/${file}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildConsole()
