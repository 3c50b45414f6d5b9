import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NetworkPolicy } from '../../src/delivery/networks.ts'
import { AddressRefused, guardedLookup, post } from '../../src/delivery/post.ts'

describe('where webhooks may go', () => {
  it('is the public internet and what is allowed besides', () => {
    const usual = new NetworkPolicy(['loopback'])
    for (const address of ['8.8.8.8', '2606:4700::1111', '127.0.0.1', '::1', '::ffff:127.0.0.1'])
      expect([address, usual.permits(address)]).toEqual([address, true])
    for (const address of [
      '10.0.0.1',
      '172.31.255.1',
      '192.168.1.1',
      '100.64.0.1',
      'fd12::1',
      '::ffff:10.0.0.1',
      '64:ff9b::a00:1',
      '2002:a00:1::',
      'example.org',
      '',
    ])
      expect([address, usual.permits(address)]).toEqual([address, false])
    expect(new NetworkPolicy([]).permits('127.0.0.1')).toBe(false)
    expect(new NetworkPolicy(['private']).permits('192.168.1.1')).toBe(true)
    const one = new NetworkPolicy(['10.1.0.0/16', 'fd12::/16', '192.168.7.7'])
    expect(['10.1.2.3', '10.2.0.1', 'fd12::5', 'fd13::5', '192.168.7.7', '192.168.7.8'].map((address) => one.permits(address))).toEqual([
      true,
      false,
      true,
      false,
      true,
      false,
    ])
  })

  it.each([
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '64:ff9b::169.254.169.254',
    '2002:a9fe:a9fe::',
    'fe80::1',
    'fe80::1%eth0',
    'fd00:ec2::254',
    '100.100.100.200',
    '168.63.129.16',
    '0.0.0.0',
    '::',
    '::a9fe:a9fe',
    '224.0.0.1',
    'ff02::1',
    '255.255.255.255',
  ])('is never %s, whatever is allowed', (address) => {
    const everything = new NetworkPolicy(['loopback', 'private', '0.0.0.0/0', '::/0'])
    expect(everything.permits(address)).toBe(false)
  })
})

describe('a request', () => {
  let requests = 0
  const server = createServer((_, response) => {
    requests++
    response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end('moved')
  })
  const url = (host: string) => `http://${host}:${(server.address() as AddressInfo).port}/`
  const send = (host: string, policy: NetworkPolicy) =>
    post({ url: url(host), headers: {}, body: '{}' }, policy, { signal: AbortSignal.timeout(5000), keep: 100 })

  beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
  afterAll(() => server.close())

  it('goes to what a name resolves to only where that is permitted, and to an address in the URL likewise', async () => {
    const nowhere = new NetworkPolicy([])
    for (const host of ['localhost', '127.0.0.1', '[::ffff:127.0.0.1]', '2130706433', '0x7f.1']) {
      await expect(send(host, nowhere)).rejects.toThrow(AddressRefused)
    }
    expect(requests).toBe(0)
    expect((await send('localhost', new NetworkPolicy(['loopback']))).status).toBe(302)
  })

  it('connects to the very address that was checked', async () => {
    const found = await new Promise((resolve) =>
      guardedLookup(new NetworkPolicy(['127.0.0.1']))('localhost', { all: true }, (error, addresses) => resolve(error ?? addresses)),
    )
    expect(found).toEqual([{ address: '127.0.0.1', family: 4 }])
  })

  it('follows no redirect and gives back what was answered', async () => {
    expect(await send('127.0.0.1', new NetworkPolicy(['loopback']))).toMatchObject({ status: 302, text: 'moved' })
  })
})
