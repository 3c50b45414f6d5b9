import { isIP } from 'node:net'

/** The network that an address stands in: /24 of IPv4 (also where it is mapped into IPv6), /48 of IPv6. `null` where the text is no address. */
export function networkOf(address: string): string | null {
  const bare = address.startsWith('[') ? address.slice(1, address.indexOf(']')) : address.split('%', 1)[0]!
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1] ?? bare
  const version = isIP(mapped)
  if (version === 4) return `${mapped.slice(0, mapped.lastIndexOf('.'))}.0/24`
  if (version === 6) return `${firstGroups(mapped, 3).join(':')}::/48`
  return null
}

/** The first groups of an IPv6 address, without leading zeros. */
function firstGroups(address: string, groups: number): string[] {
  const [head, tail] = address.toLowerCase().split('::') as [string, string | undefined]
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const given = left.length + right.length + (right.at(-1)?.includes('.') ? 1 : 0)
  const all = tail === undefined ? left : [...left, ...Array<string>(Math.max(0, 8 - given)).fill('0'), ...right]
  return all.slice(0, groups).map((group) => Number.parseInt(group, 16).toString(16))
}
