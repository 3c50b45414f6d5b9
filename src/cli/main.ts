#!/usr/bin/env node
import { TidewatchError } from '../errors.ts'
import { runProgram, tell } from './program.ts'

// A reader that closes the pipe early (`| head`) is no failure, a full disk is.
process.stdout.on('error', (cause: NodeJS.ErrnoException) => {
  process.exit(cause.code === 'EPIPE' ? 0 : tell(new TidewatchError('TW_OUTPUT_UNWRITABLE', `stdout: ${cause.message}`, { cause })))
})

const code = await runProgram(process.argv.slice(2))
// A command that fails without an error has set its code itself.
if (code !== 0) process.exitCode = code
