import { Command } from 'commander'
import { configJsonSchema } from '../config/json-schema.ts'
import { defaultConfigFile, defaultConfigPath, loadConfigWithPlaces } from '../config/load.ts'
import { showConfig } from '../config/show.ts'

interface FileOption {
  readonly config?: string
}

/**
 * `tidewatch config check|schema|show`. Answers go to stdout; a configuration that does not hold is thrown.
 */
export function configCommand(): Command {
  const command = new Command('config').description('Check or show the configuration, or print its schema.').addHelpText(
    'after',
    `
Without --config, \`check\` and \`show\` look at ./${defaultConfigFile} as \`tidewatch run\` does, and at the defaults when there is none.

Examples:
  tidewatch config check --config prod.yaml
  tidewatch config show
  tidewatch config schema > tidewatch.schema.json`,
  )

  command
    .command('check')
    .description('Say whether a configuration file holds: every problem at once, with line and column.')
    .option('-c, --config <file>', 'configuration file')
    .addHelpText('after', '\nExample:\n  DB_PASSWORD=x tidewatch config check --config tidewatch.yaml')
    .action((options: FileOption) => {
      const path = options.config ?? defaultConfigPath()
      loadConfigWithPlaces({ path, env: process.env })
      process.stdout.write(`${path ?? 'no configuration file, the defaults'}: valid\n`)
    })

  command
    .command('show')
    .description('Print the configuration in force as YAML: defaults filled in, secrets masked, and where each value came from.')
    .option('-c, --config <file>', 'configuration file')
    .addHelpText('after', '\nExample:\n  tidewatch config show --config tidewatch.yaml | grep -A4 webhooks')
    .action((options: FileOption) => {
      const path = options.config ?? defaultConfigPath()
      process.stdout.write(showConfig(loadConfigWithPlaces({ path, env: process.env }), path ?? null))
    })

  command
    .command('schema')
    .description('Print the JSON Schema of the configuration file, for editors and checks.')
    .addHelpText(
      'after',
      '\nExample:\n  tidewatch config schema > tidewatch.schema.json\n  # first line of tidewatch.yaml:\n  # yaml-language-server: $schema=tidewatch.schema.json',
    )
    .action(() => {
      process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`)
    })

  return command
}
