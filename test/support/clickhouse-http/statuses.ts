/** HTTP status that ClickHouse gives an exception code, as far as it differs from 500. */
const statuses: Readonly<Record<number, number>> = {
  // Data or text that cannot be read.
  ...Object.fromEntries([6, 26, 27, 38, 41, 53, 62, 69, 70, 72, 117, 130, 131, 441, 457].map((code) => [code, 400])),
  // Names that are not known.
  ...Object.fromEntries([16, 46, 47, 50, 56, 60, 63, 81, 115].map((code) => [code, 404])),
  // Who may not.
  192: 403,
  193: 403,
  497: 403,
  516: 403,
  48: 501,
  159: 408,
  202: 503,
  209: 503,
  745: 503,
}

export function statusOf(code: number): number {
  return statuses[code] ?? 500
}
