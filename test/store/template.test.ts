import { describe, expect, it } from 'vitest'
import { readMigrations } from '../../src/store/migrate.ts'
import { windowSettings } from '../../src/store/settings.ts'
import { statements } from '../../src/store/template.ts'

describe('migrations on a cluster', () => {
  it('name the cluster in every statement and replicate every table', async () => {
    const all = (await readMigrations()).flatMap(({ template }) => statements(template, 'my`cluster'))
    expect(all.length).toBeGreaterThan(10)
    for (const statement of all) {
      expect(statement).not.toContain('{{')
      // Rows are replicated by themselves.
      if (statement.startsWith('INSERT INTO')) continue
      expect(statement).toContain('ON CLUSTER `my\\`cluster`')
      if (statement.startsWith('CREATE TABLE')) expect(statement).toMatch(/ENGINE = Replicated\w*MergeTree/)
      else if (!/^(ALTER|DROP|TRUNCATE) TABLE/.test(statement))
        expect(statement).toMatch(/^CREATE MATERIALIZED VIEW IF NOT EXISTS \w+_view .* TO \w+ AS/)
    }
  })

  it('name neither on a single node', async () => {
    for (const { template } of await readMigrations())
      for (const statement of statements(template, null)) expect(statement).not.toMatch(/ON CLUSTER|Replicated|\{\{/)
  })

  it('remember blocks by number and by time', () => {
    const options = { retention: { calls: 1, aggregates: 1, deadLetters: 1, alerts: 1 }, deduplicationWindow: 5_000 }
    expect(windowSettings({ ...options, cluster: 'c' })).toEqual({
      replicated_deduplication_window: 5_000,
      replicated_deduplication_window_seconds: 604_800,
    })
    expect(windowSettings({ ...options, cluster: null })).toEqual({ non_replicated_deduplication_window: 5_000 })
  })
})
