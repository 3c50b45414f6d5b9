import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { keyedHash } from '../../src/telemetry/hasher.ts'
import { decodeIdentityKey, loadOrCreateIdentityKey } from '../../src/telemetry/identity-key.ts'
import { networkOf } from '../../src/telemetry/network.ts'
import { chat, mapperWith, onlyCall } from './support.ts'

/** The order that the manual promises; what is inside JSON is written as the attribute that holds it. */
const precedence: readonly [source: string, attribute: string, value: string, id: string][] = [
  ['tidewatch.principal.id', 'tidewatch.principal.id', 'a1', 'a1'],
  ['enduser.id', 'enduser.id', 'a2', 'a2'],
  ['user.id', 'user.id', 'a3', 'a3'],
  ['metadata.user_api_key_end_user_id', 'metadata.user_api_key_end_user_id', 'a4', 'a4'],
  ['litellm.metadata.user_api_key_end_user_id', 'litellm.metadata.user_api_key_end_user_id', 'a5', 'a5'],
  ['metadata.user_api_key_user_id', 'metadata.user_api_key_user_id', 'a6', 'a6'],
  ['litellm.metadata.user_api_key_user_id', 'litellm.metadata.user_api_key_user_id', 'a7', 'a7'],
  ['gen_ai.user', 'gen_ai.user', 'a8', 'a8'],
  ['gen_ai.request.user', 'gen_ai.request.user', 'a9', 'a9'],
  ['llm.user', 'llm.user', 'b1', 'b1'],
  ['ai.telemetry.metadata.userId', 'ai.telemetry.metadata.userId', 'b2', 'b2'],
  ['traceloop.association.properties.user_id', 'traceloop.association.properties.user_id', 'b3', 'b3'],
  ['langfuse.observation.metadata.user_id', 'langfuse.observation.metadata.user_id', '"b4"', 'b4'],
  ['user', 'user', '"b5"', 'b5'],
  ['llm.invocation_parameters#user', 'llm.invocation_parameters', '{"user":"b6"}', 'b6'],
  ['llm.invocation_parameters#metadata.user_id', 'llm.invocation_parameters', '{"metadata":{"user_id":"b7"}}', 'b7'],
  ['metadata.user_api_key_hash', 'metadata.user_api_key_hash', 'b8', 'b8'],
  ['litellm.api_key.hash', 'litellm.api_key.hash', 'b9', 'b9'],
  ['user.hash', 'user.hash', 'c1', 'c1'],
  ['enduser.pseudo.id', 'enduser.pseudo.id', 'c2', 'c2'],
  ['client.address', 'client.address', '10.1.2.3', '10.1.2.3'],
  ['metadata.requester_ip_address', 'metadata.requester_ip_address', '10.1.2.4', '10.1.2.4'],
  ['session.id', 'session.id', 'c3', 'c3'],
  ['gen_ai.conversation.id', 'gen_ai.conversation.id', 'c4', 'c4'],
]

describe('who made a call', () => {
  it.each(precedence.map((row, index) => [row[0], index] as const))('%s wins over all that come after it', (source, index) => {
    const later = precedence.slice(index)
    const json = later.filter(([, attribute]) => attribute === 'llm.invocation_parameters')
    const attributes = Object.fromEntries(later.map(([, attribute, value]) => [attribute, value]).reverse())
    if (json.length > 0)
      attributes['llm.invocation_parameters'] = JSON.stringify(Object.assign({}, ...json.map(([, , value]) => JSON.parse(value!))))
    const { principal } = onlyCall(chat(attributes))
    expect(principal).toEqual({
      id: precedence[index]![3],
      kind: null,
      source,
      lastResort: source === 'session.id' || source === 'gen_ai.conversation.id',
    })
  })

  it.each(['', '   ', 'None', 'null', 'undefined', 'default_user_id', 'litellm_proxy_master_key', "[Scrubbed due to 'session']"])(
    'takes %j for no identity and goes on to the next attribute',
    (value) => {
      expect(onlyCall(chat({ 'user.id': value, 'llm.user': 'alice' })).principal?.source).toBe('llm.user')
      expect(onlyCall(chat({ 'user.id': value })).principal).toBeNull()
    },
  )

  it('takes placeholders of the configuration for no identity', () => {
    const mapper = mapperWith({ identity: { placeholders: ['anonymous'] } })
    expect(onlyCall(chat({ 'user.id': 'anonymous', 'session.id': 's' }), {}, { mapper }).principal?.source).toBe('session.id')
  })

  it('asks the attributes of the configuration first, in their order, also where they are known ones', () => {
    const mapper = mapperWith({ identity: { attributes: ['acme.account', 'session.id'] } })
    const all = { 'tidewatch.principal.id': 'p', 'session.id': 's', 'acme.account': 'a' }
    expect(onlyCall(chat(all), {}, { mapper }).principal).toMatchObject({ id: 'a', source: 'acme.account', lastResort: false })
    const { 'acme.account': _, ...rest } = all
    expect(onlyCall(chat(rest), {}, { mapper }).principal).toMatchObject({ id: 's', source: 'session.id' })
  })

  it('reads numbers as identities, and nothing else that is no text', () => {
    expect(onlyCall(chat({ 'user.id': 42 })).principal?.id).toBe('42')
    expect(onlyCall(chat({ 'user.id': true })).principal).toBeNull()
  })

  it('reads the kind, and drops one that it does not know', () => {
    const kindOf = (kind: string) => onlyCall(chat({ 'user.id': 'a', 'tidewatch.principal.kind': kind })).principal?.kind
    expect(['human', 'service', 'agent', 'connector', 'robot'].map(kindOf)).toEqual(['human', 'service', 'agent', 'connector', null])
  })
})

describe('what accounts may share', () => {
  it('keeps the credential beside the principal, and every identity that was not chosen as a link', () => {
    const { principal, credential, links } = onlyCall(
      chat({
        'metadata.user_api_key_end_user_id': 'alice',
        'metadata.user_api_key_user_id': 'owner',
        'metadata.user_api_key_hash': 'key-1',
        'llm.user': 'alice',
        'client.address': '203.0.113.77',
        'user_agent.original': 'curl/8',
        'session.id': 's-1',
        'tidewatch.link.payment': 'pm-1',
        'tidewatch.link.org': 'acme',
      }),
    )
    expect(principal?.id).toBe('alice')
    expect(credential).toBe('key-1')
    expect(links).toEqual([
      { kind: 'net', value: '203.0.113.0/24' },
      { kind: 'agent', value: 'curl/8' },
      { kind: 'credential', value: 'key-1' },
      { kind: 'identity', value: 'owner' },
      { kind: 'identity', value: 's-1' },
      { kind: 'payment', value: 'pm-1' },
      { kind: 'org', value: 'acme' },
    ])
  })

  it('takes a credential from the attributes of the configuration first', () => {
    const mapper = mapperWith({ identity: { credential: ['acme.key'] } })
    expect(onlyCall(chat({ 'metadata.user_api_key_hash': 'k', 'acme.key': 'own' }), {}, { mapper }).credential).toBe('own')
  })

  it.each([
    ['203.0.113.77', '203.0.113.0/24'],
    ['::ffff:203.0.113.77', '203.0.113.0/24'],
    ['2001:db8:AB:1::1', '2001:db8:ab::/48'],
    ['2001:0db8::1', '2001:db8:0::/48'],
    ['[2001:db8:1:2:3:4:5:6]:443', '2001:db8:1::/48'],
    ['fe80::1%eth0', 'fe80:0:0::/48'],
    ['::1', '0:0:0::/48'],
    ['host.example', null],
    ['', null],
  ])('the network of %j is %j', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })
})

describe('keyed hashes', () => {
  const hash = keyedHash(Buffer.alloc(32, 7))

  it('are the first 96 bits of HMAC-SHA256, and differ by key', () => {
    // Python: hmac.new(bytes([7]) * 32, b'alice', 'sha256').hexdigest()[:24]
    expect(hash('alice')).toBe('h-6a8851c590ddeb5a2ea0a503')
    expect(hash('alice')).toBe(hash('alice'))
    expect(hash('alice')).not.toBe(keyedHash(Buffer.alloc(32, 8))('alice'))
  })

  it('are all that an event holds of principal, credential, links and conversation', () => {
    const secrets = ['alice@example.com', 'key-hash-1', '203.0.113', 'agent/1', 'session-1', 'card-1']
    const call = onlyCall(
      chat({
        'user.id': secrets[0],
        'metadata.user_api_key_hash': secrets[1],
        'client.address': `${secrets[2]}.7`,
        'user_agent.original': secrets[3],
        'session.id': secrets[4],
        'tidewatch.link.payment': secrets[5],
      }),
      {},
      { mapper: mapperWith({}, hash) },
    )
    expect(call.principal?.id).toBe(hash('alice@example.com'))
    expect(call.credential).toBe(hash('key-hash-1'))
    expect(call.links.map(({ kind }) => kind)).toEqual(['net', 'agent', 'credential', 'identity', 'payment'])
    for (const secret of secrets) expect(JSON.stringify(call)).not.toContain(secret)
  })
})

describe('the key of the hashes', () => {
  it('is made once, readable by its owner only, and the same for two processes that start at once', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'tidewatch-key-'))
    onTestFinished(() => rm(parent, { recursive: true, force: true }))
    const directory = join(parent, 'data')
    const keys = await Promise.all([1, 2, 3].map(() => loadOrCreateIdentityKey(directory)))
    expect(keys[0]).toHaveLength(32)
    expect(keys[1]).toEqual(keys[0])
    expect(keys[2]).toEqual(keys[0])
    expect(await loadOrCreateIdentityKey(directory)).toEqual(keys[0])
    expect((await stat(join(directory, 'identity.key'))).mode & 0o777).toBe(0o600)
  })

  it('is not replaced where its file is damaged: all principals would become strangers', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tidewatch-key-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    await writeFile(join(directory, 'identity.key'), 'half a k')
    await expect(loadOrCreateIdentityKey(directory)).rejects.toMatchObject({ code: 'TW_CONFIG_INVALID' })
    expect(await readFile(join(directory, 'identity.key'), 'utf8')).toBe('half a k')
  })

  it('of the configuration must be base64 of 32 bytes or more', () => {
    expect(decodeIdentityKey(Buffer.alloc(40, 1).toString('base64'))).toHaveLength(40)
    expect(() => decodeIdentityKey(Buffer.alloc(16).toString('base64'))).toThrow(/32 bytes/)
    expect(() => decodeIdentityKey('not base64 at all, but certainly longer than 32 bytes')).toThrow(/base64/)
  })
})
