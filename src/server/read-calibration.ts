import type { Reader } from './reads.ts'

const levels = [1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0001]

/**
 * How a detector's p-values fall: of each subject and day the least one, and which share of them is at most so small. Honest p-values stay
 * at or below the diagonal; attacks are what lies above it at the small end.
 */
export async function readCalibration(store: Reader, detector: string) {
  const [row] = await store.query<{ days: number; shares: number[] }>(
    `SELECT count() AS days, [${levels.map((level) => `countIf(least <= ${level})`).join(', ')}] AS shares
     FROM (SELECT min(p_value) AS least FROM observations WHERE detector = {detector:String} AND p_value IS NOT NULL GROUP BY toDate(time), subject_kind, subject)`,
    { detector },
  )
  const volume = await store.query<{ time: string; looks: number; subjects: number }>(
    `SELECT formatDateTime(toStartOfHour(time), '%FT%TZ') AS time, count() AS looks, uniqExact(subject) AS subjects FROM observations
     WHERE detector = {detector:String} GROUP BY time ORDER BY time DESC LIMIT 240`,
    { detector },
  )
  const days = row?.days ?? 0
  return {
    detector,
    subjectDays: days,
    levels: levels.map((level, at) => ({ level, found: row?.shares[at] ?? 0, share: days === 0 ? 0 : (row?.shares[at] ?? 0) / days })),
    hours: volume.reverse(),
  }
}
