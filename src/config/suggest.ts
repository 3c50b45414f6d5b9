/** The candidate that a mistyped name most likely meant, null when none is near: a third of its letters may be wrong, or one begins with the other. */
export function suggest(name: string, candidates: Iterable<string>): string | null {
  let best: string | null = null
  let least = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of candidates) {
    const [a, b] = [fold(name), fold(candidate)]
    const distance = a.startsWith(b) || b.startsWith(a) ? 1 : editDistance(a, b)
    if (distance < least) {
      least = distance
      best = candidate
    }
  }
  return best
}

/** `group_id`, `group-id` and `groupID` all mean `groupId`. */
function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, '')
}

/** Levenshtein distance: insertions, deletions and substitutions that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++)
      current[j] = Math.min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1))
    previous = current
  }
  return previous[b.length]
}
