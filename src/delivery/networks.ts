import { BlockList, isIP } from 'node:net'

/** Never a receiver: this network, link-local (cloud metadata), protocol assignments, multicast, reserved, and metadata services that stand elsewhere. */
const never = listOf([
  '0.0.0.0/8',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
  'fd00:ec2::/32',
])

const named: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '198.18.0.0/15', 'fc00::/7'],
}

const inside = listOf(Object.values(named).flat())

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address, bits] = network.split('/') as [string, string | undefined]
    const version = isIP(address)
    list.addSubnet(address, Number(bits ?? (version === 4 ? 32 : 128)), version === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}

function holds(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')
}

/**
 * Where webhooks may go: public addresses, and of loopback and private ones those that are allowed. Whoever may write the configuration
 * names receivers by name, and whoever owns that name chooses its address; so it is the address that is checked, when the connection is made.
 */
export class NetworkPolicy {
  private readonly allowed: BlockList

  /** @param allow `loopback`, `private`, addresses and networks in CIDR notation. */
  constructor(allow: readonly string[]) {
    this.allowed = listOf(allow.flatMap((entry) => named[entry] ?? [entry]))
  }

  /** `address` without brackets or zone. An IPv6 address that carries an IPv4 one (mapped, NAT64, 6to4) stands for that one. */
  permits(address: string): boolean {
    const bare = address.replace(/%.*$/, '')
    if (isIP(bare) === 0) return false
    const real = carried(bare) ?? bare
    if (holds(never, real)) return false
    return !holds(inside, real) || holds(this.allowed, real)
  }
}

/** The IPv4 address inside an IPv6 one, null where there is none. */
function carried(address: string): string | null {
  if (isIP(address) === 4) return null
  const words = wordsOf(address)
  const dotted = (high: number, low: number) => [high >> 8, high & 255, low >> 8, low & 255].join('.')
  const zeroes = words.slice(0, 5).every((word) => word === 0)
  const compatible = zeroes && words[5] === 0 && (words[6] !== 0 || words[7]! > 1)
  const mapped = zeroes && words[5] === 0xffff
  const nat64 = words[0] === 0x64 && words[1] === 0xff9b && words.slice(2, 6).every((word) => word === 0)
  if (compatible || mapped || nat64) return dotted(words[6]!, words[7]!)
  return words[0] === 0x2002 ? dotted(words[1]!, words[2]!) : null
}

/** The eight 16-bit words of a valid IPv6 address. */
function wordsOf(address: string): number[] {
  const hex = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const word = (high: string, low: string) => ((Number(high) << 8) | Number(low)).toString(16)
    return `${word(a, b)}:${word(c, d)}`
  })
  const [head = '', tail] = hex.split('::')
  const parse = (text: string) => (text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16)))
  if (tail === undefined) return parse(head)
  const left = parse(head)
  const right = parse(tail)
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right]
}
