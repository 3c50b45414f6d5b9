import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { embeddingOf } from '../../src/telemetry/text/embedding.ts'
import { fingerprintOf } from '../../src/telemetry/text/fingerprint.ts'
import { maskedText, skeletonOf } from '../../src/telemetry/text/skeleton.ts'
import { type Attributes, chat, mapperWith, onlyCall, type SpanSketch } from './support.ts'

const question = 'What should I do if my card was stolen in Paris?'
const system = 'You are a helpful bank assistant.'
const conversation = [
  { role: 'system', content: system },
  { role: 'user', content: 'Hello' },
  { role: 'assistant', content: 'How can I help?' },
  { role: 'user', content: question },
]
const parts = conversation.map(({ role, content }) => ({ role, parts: [{ type: 'text', content }] }))

function flat(prefix: string, infix: string): Attributes {
  return Object.fromEntries(
    conversation.flatMap(({ role, content }, i) => [
      [`${prefix}${i}.${infix}role`, role],
      [`${prefix}${i}.${infix}content`, content],
    ]),
  )
}

/** The same conversation as each dialect writes it. */
const shapes: [name: string, attributes: Attributes, span?: Partial<SpanSketch>][] = [
  ['gen_ai.input.messages as JSON with parts', { 'gen_ai.input.messages': JSON.stringify(parts) }],
  ['gen_ai.input.messages as JSON with content', { 'gen_ai.input.messages': JSON.stringify(conversation) }],
  ['gen_ai.input.messages as structured values', { 'gen_ai.input.messages': parts }],
  ['gen_ai.prompt.N', flat('gen_ai.prompt.', '')],
  ['llm.input_messages.N.message', flat('llm.input_messages.', 'message.')],
  [
    'llm.input_messages.N.message.contents',
    {
      'llm.input_messages.0.message.role': 'user',
      'llm.input_messages.0.message.contents.0.message_content.type': 'text',
      'llm.input_messages.0.message.contents.0.message_content.text': question,
    },
  ],
  ['input.value with messages', { 'input.value': JSON.stringify({ model: 'm', messages: conversation }) }],
  ['input.value with an input', { 'input.value': JSON.stringify({ model: 'm', input: question }) }],
  ['input.value as text', { 'input.value': question }],
  [
    'ai.prompt.messages',
    {
      'ai.prompt.messages': JSON.stringify([
        { role: 'system', content: system },
        {
          role: 'user',
          content: [
            { type: 'text', text: question },
            { type: 'image', image: 'x' },
          ],
        },
      ]),
    },
  ],
  ['ai.prompt', { 'ai.prompt': JSON.stringify({ system, prompt: question }) }],
  ['ai.value', { 'ai.value': JSON.stringify(question) }],
  ['ai.values', { 'ai.values': [JSON.stringify(question)] }],
  ['langfuse.observation.input', { 'langfuse.observation.input': JSON.stringify(conversation) }],
  ['mlflow.spanInputs', { 'mlflow.spanInputs': JSON.stringify({ messages: conversation, model: 'm' }) }],
  [
    'the event gen_ai.content.prompt',
    {},
    { events: [{ name: 'gen_ai.content.prompt', attributes: { 'gen_ai.prompt': JSON.stringify(conversation) } }] },
  ],
  [
    'the events gen_ai.*.message',
    {},
    {
      events: [
        { name: 'gen_ai.system.message', attributes: { content: system } },
        { name: 'gen_ai.user.message', attributes: { content: 'Hello' } },
        { name: 'gen_ai.assistant.message', attributes: { content: 'How can I help?' } },
        { name: 'gen_ai.user.message', attributes: { content: question } },
        { name: 'gen_ai.choice', attributes: { content: 'Call us.' } },
      ],
    },
  ],
  [
    'white space of another kind',
    { 'gen_ai.input.messages': JSON.stringify([{ role: 'user', content: `\n ${question.replaceAll(' ', '  ')}\n` }]) },
  ],
]

describe("the user's text", () => {
  it.each(shapes)('gives the same features from %s', (_, attributes, span) => {
    const call = onlyCall(chat(attributes), span)
    expect(call.fingerprint).toBe(fingerprintOf(question))
    expect(call.skeleton).toBe(skeletonOf(question))
    expect(call.embedding).toEqual(embeddingOf(question, 96))
    expect(call.content).toBeNull()
    expect(JSON.stringify(call)).not.toContain('stolen')
  })

  it('is kept where that is configured', () => {
    const mapper = mapperWith({ content: { keep: true, embeddingDimensions: 32 } })
    const call = onlyCall(chat(shapes[0]![1]), {}, { mapper })
    expect(call.content).toBe(question)
    expect(call.embedding).toHaveLength(32)
  })

  it('is not needed where the telemetry has features of its own; what is missing of them is made', () => {
    const own = {
      'tidewatch.input.embedding': [1, 2],
      'tidewatch.input.fingerprint': '00000000000000FF',
      'tidewatch.input.skeleton': '1111111111111111',
    }
    expect(onlyCall(chat({ ...own, ...shapes[0]![1] }))).toMatchObject({
      fingerprint: '00000000000000ff',
      skeleton: '1111111111111111',
      embedding: Float32Array.of(1, 2),
    })
    const { 'tidewatch.input.embedding': _, ...hashes } = own
    expect(onlyCall(chat({ ...hashes, ...shapes[0]![1] }))).toMatchObject({
      fingerprint: '00000000000000ff',
      embedding: embeddingOf(question, 96),
    })
  })

  it('is nothing where only the system, the assistant or a tool spoke, or where an image was sent', () => {
    const silent = [
      [{ role: 'system', content: system }],
      [
        { role: 'assistant', content: 'x' },
        { role: 'tool', content: 'y' },
      ],
      [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }],
      [],
    ]
    for (const messages of silent) {
      expect(onlyCall(chat({ 'gen_ai.input.messages': JSON.stringify(messages) }))).toMatchObject({
        fingerprint: null,
        skeleton: null,
        embedding: null,
      })
    }
  })
})

function distance(a: string, b: string): number {
  let bits = BigInt(`0x${a}`) ^ BigInt(`0x${b}`)
  let ones = 0
  for (; bits > 0n; bits >>= 1n) ones += Number(bits & 1n)
  return ones
}

describe('the fingerprint', () => {
  const text =
    'Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. How many clips did she sell altogether?'

  it('is 16 hex digits, and blind to case, punctuation and white space', () => {
    expect(fingerprintOf(text)).toMatch(/^[0-9a-f]{16}$/)
    expect(fingerprintOf(text.toUpperCase().replaceAll(/[.,?]/g, ' '))).toBe(fingerprintOf(text))
  })

  it('moves little for a changed word, and much for another text', () => {
    expect(distance(fingerprintOf(text), fingerprintOf(text.replace('April', 'March')))).toBeLessThanOrEqual(12)
    expect(distance(fingerprintOf(text), fingerprintOf(text.replace('48', '52')))).toBeLessThanOrEqual(10)
    expect(
      distance(
        fingerprintOf(text),
        fingerprintOf('Please translate this menu into German, keeping all prices and names of dishes as they are.'),
      ),
    ).toBeGreaterThan(18)
  })
})

describe('the skeleton', () => {
  it.each([
    ['Translate "good morning" to French', 'Translate "see you at nine" to French'],
    ['Write a poem about 12 cats', 'Write a poem about 3,500 cats'],
    ['Tell me what Alice Miller said to Bob', 'Tell me what Jean Luc said to Ann Marie'],
    ['Summarise https://a.example/x for me', 'Summarise http://b.example/yy?z=1 for me'],
    ['Mail bob@example.com about it', 'Mail alice.m@other.example about it'],
    ['Is it over $5.00?', 'Is it over 7%?'],
  ])('of %j and %j is one', (a, b) => {
    expect(maskedText(a)).toBe(maskedText(b))
    expect(skeletonOf(a)).toBe(skeletonOf(b))
    expect(skeletonOf(a)).toMatch(/^[0-9a-f]{16}$/)
  })

  it('of other words is another', () => {
    expect(skeletonOf('Write a poem about 12 cats')).not.toBe(skeletonOf('Write a poem about 12 dogs'))
    expect(skeletonOf('Call Bob')).not.toBe(skeletonOf('Phone Bob'))
  })

  it('does not take the word that opens a sentence, or I, for a name', () => {
    expect(maskedText("Hello. Where am I? I'm lost, says Bob's friend")).toBe('hello where am i i m lost says <p> friend')
  })

  it('costs no more than the length of a text, whatever is in it', () => {
    const nasty = ['"', '“', '@', 'A ', "'", '1.', 'a@', '<q> '].map((unit) => unit.repeat(16_384 / unit.length))
    const started = process.cpuUsage()
    for (const text of nasty) skeletonOf(text)
    expect(process.cpuUsage(started).user / 1e6).toBeLessThan(2)
  })
})

describe('the embedding', () => {
  const cosine = (a: string, b: string): number => {
    const [x, y] = [embeddingOf(a, 96)!, embeddingOf(b, 96)!]
    return x.reduce((sum, value, i) => sum + value * y[i]!, 0)
  }

  it('has length 1, whatever the text, or is none where there are no words', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.integer({ min: 16, max: 256 }), (text, dimensions) => {
        const embedding = embeddingOf(text, dimensions)
        if (embedding === null) return
        expect(embedding).toHaveLength(dimensions)
        expect(Math.hypot(...embedding)).toBeCloseTo(1, 5)
      }),
    )
    expect(embeddingOf('?!... ', 96)).toBeNull()
  })

  it('is nearer to a text about the same thing than to another', () => {
    const card = 'My bank card was stolen, what should I do?'
    expect(cosine(card, 'what do I do when my bank card has been stolen')).toBeGreaterThan(0.5)
    expect(cosine(card, 'Write a limerick about a penguin that plays chess')).toBeLessThan(0.3)
  })

  it('is the same on every machine', () => {
    expect([...embeddingOf('the quick brown fox', 16)!].map((value) => value.toFixed(4))).toMatchInlineSnapshot(`
      [
        "-0.3898",
        "0.0000",
        "-0.1299",
        "0.0000",
        "0.0000",
        "0.0000",
        "-0.1299",
        "-0.2599",
        "-0.5012",
        "0.0000",
        "0.1299",
        "-0.5198",
        "0.0000",
        "0.1114",
        "-0.2413",
        "0.3713",
      ]
    `)
  })
})
