import { vi } from 'vitest'
import { runProgram } from '../../src/cli/program.ts'

/** One command line as a person would give it: its exit code, and what it wrote to stdout and stderr. */
export async function tidewatch(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const chunks: Buffer[] = []
  let err = ''
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    chunks.push(Buffer.from(chunk))
    return true
  })
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    err += chunk
    return true
  })
  const before = process.exitCode
  process.exitCode = undefined
  try {
    const failed = await runProgram(args)
    return { code: failed || Number(process.exitCode ?? 0), out: Buffer.concat(chunks).toString('utf8'), err }
  } finally {
    process.exitCode = before
    stdout.mockRestore()
    stderr.mockRestore()
  }
}

/** The objects of an output with one a line. */
export function objects<T>(out: string): T[] {
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T)
}
