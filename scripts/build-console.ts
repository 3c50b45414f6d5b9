// The console as static files beside the compiled code: one script, one style sheet, nothing loaded from elsewhere.
import { cp, mkdir, readdir, rm } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))

/** Bundles the console into `folder`; what an older build left there is removed. A server that runs meanwhile finds every file at any time. */
export async function buildConsole(folder = at('dist/dashboards/console')): Promise<void> {
  await mkdir(folder, { recursive: true })
  const { metafile } = await build({
    metafile: true,
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
  const plain = ['index.html', 'icon.svg']
  for (const file of plain) await cp(at(`dashboards/console/${file}`), `${folder}/${file}`)
  const made = new Set([...plain, ...Object.keys(metafile.outputs).map((path) => basename(path))])
  for (const name of await readdir(folder)) if (!made.has(name)) await rm(`${folder}/${name}`, { recursive: true, force: true })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildConsole()
