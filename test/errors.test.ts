import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { errorCode, errorTable, TidewatchError } from '../src/errors.ts'

describe('error codes', () => {
  it('are in docs/errors.md, every one of them and none else', () => {
    const page = readFileSync(join(import.meta.dirname, '..', 'docs', 'errors.md'), 'utf8')
    expect([...page.matchAll(/^## (\S+)$/gm)].map(([, code]) => code)).toEqual(Object.keys(errorTable))
  })

  it.each(Object.entries(errorTable))('%s says what happened and what to do', (code, { title, action }) => {
    expect(code).toMatch(/^TW_[A-Z]+(_[A-Z]+)*$/)
    expect(title).toMatch(/^[A-Z].*[^.]$/)
    expect(action).toMatch(/\.$/)
  })

  it('come with the error, its detail and its cause', () => {
    const cause = new Error('ECONNREFUSED')
    const error = new TidewatchError('TW_STORE_UNAVAILABLE', 'http://db:8123', { cause })
    expect(error.message).toBe('The store cannot be reached: http://db:8123')
    expect(error.cause).toBe(cause)
    expect(error.action).toBe(errorTable.TW_STORE_UNAVAILABLE.action)
    expect(errorCode(error)).toBe('TW_STORE_UNAVAILABLE')
    for (const other of [cause, null, undefined, 'TW_USAGE', { code: 'TW_USAGE' }]) expect(errorCode(other)).toBeNull()
  })
})
