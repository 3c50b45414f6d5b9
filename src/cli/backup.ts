import { resolve } from 'node:path'
import { Command } from 'commander'
import { defaultConfigPath, loadConfig } from '../config/load.ts'
import { type ApiOptions, connect, withApiOptions } from './api-client.ts'

/** A large store takes its time, and says nothing meanwhile. */
const PATIENCE = 3_600_000

/** `tidewatch backup DIR`: a copy of store and state at one point, of a running instance or of a folder that nobody runs on. */
export function backupCommand(): Command {
  return withApiOptions(
    new Command('backup').description('Copy the embedded store, the journal, claims and the identity key, as they are at one point.'),
  )
    .argument('<directory>', 'folder to write, empty or absent, on the machine of the instance')
    .addHelpText(
      'after',
      `
A running instance goes on receiving; it stores nothing while the copy is made. The folder holds the identity key: keep it safe.

Example:
  tidewatch backup /backups/tidewatch-2026-03-01`,
    )
    .action(async (directory: string, where: ApiOptions) => {
      const api = await connect(where)
      const path = api.remote ? directory : resolve(directory)
      const { files, time } = await api.post<{ files: number; time: string }>('/api/v1/backup', { directory: path }, PATIENCE)
      process.stderr.write(`${path}: ${files} files, as of ${time}\n`)
    })
}

/** `tidewatch restore DIR`: a data folder out of a backup. */
export function restoreCommand(): Command {
  return new Command('restore')
    .description('Make a data folder out of a backup. A folder that holds anything is refused.')
    .argument('<backup>', 'folder that `tidewatch backup` wrote')
    .option('--config <file>', 'configuration that names the data folder (default: ./tidewatch.yaml where it exists)')
    .option('--data <directory>', 'data folder to make, instead of data.directory')
    .addHelpText('after', '\nExample:\n  tidewatch restore /backups/tidewatch-2026-03-01 --data /var/lib/tidewatch')
    .action(async (backup: string, { config: path, data }: { config?: string; data?: string }) => {
      const loaded = loadConfig({ path: path ?? defaultConfigPath(), env: process.env })
      const config = data === undefined ? loaded : { ...loaded, data: { ...loaded.data, directory: data } }
      const { restoreBackup } = await import('../stages/backup.ts')
      const { time, version } = await restoreBackup(backup, config)
      process.stderr.write(`${config.data.directory}: as of ${time}, made by version ${version}\n`)
    })
}
