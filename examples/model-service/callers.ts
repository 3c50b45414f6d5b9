import { fill, harvest, question } from './prompts.ts'
import type { Random } from './random.ts'
import { type Topic, topics } from './topics.ts'

/** One request to the model, as its caller makes it. */
export interface Request {
  readonly prompt: string
  readonly maxTokens: number | null
  readonly temperature: number | null
  readonly inputTokens: number
  readonly outputTokens: number
}

/** Somebody, or something, that uses the service. */
export interface Caller {
  readonly id: string
  readonly kind: 'human' | 'service'
  readonly address: string
  readonly userAgent: string
  /** Calls on an ordinary day. */
  readonly callsPerDay: number
  /** Whether this caller is awake at an hour (0..24, UTC): relative rate. */
  activity(hour: number): number
  request(random: Random): Request
}

const browsers = ['Chrome', 'Firefox', 'Safari', 'Edge'].map((name) => `Mozilla/5.0 ${name}`)

/** People: each with one to three topics of interest, a rhythm of day and night, and a rate of their own (log-normal: few ask a lot). */
export function createPeople(random: Random, count: number): Caller[] {
  return Array.from({ length: count }, (_, index) => {
    const interests = Array.from({ length: random.between(1, 3) }, () => random.pick(topics))
    const wakes = 6 + random.normal() * 1.5
    const temperature = random.chance(0.3) ? random.pick([0.2, 0.5, 0.7, 1]) : null
    return {
      id: `user-${String(index + 1).padStart(3, '0')}`,
      kind: 'human',
      address: `198.51.${100 + (index % 4)}.${1 + (index % 250)}`,
      userAgent: random.pick(browsers),
      callsPerDay: Math.min(60, Math.exp(2.2 + 0.7 * random.normal())),
      activity: (hour) => dayAndNight((hour - wakes + 24) % 24),
      request: (from) => ask(from, from.chance(0.8) ? interests[0] : from.pick(interests), temperature),
    }
  })
}

/** Awake for sixteen hours, busiest around noon and after dinner, nearly silent at night. */
function dayAndNight(hoursAwake: number): number {
  if (hoursAwake > 16) return 0.02
  return 0.3 + Math.exp(-(((hoursAwake - 5) / 2.5) ** 2)) + 0.8 * Math.exp(-(((hoursAwake - 13) / 1.5) ** 2))
}

function ask(random: Random, topic: Topic, temperature: number | null): Request {
  const prompt = question(random, topic)
  return { prompt, maxTokens: null, temperature, inputTokens: tokensOf(prompt) + 40, outputTokens: lengthOfAnswer(random, 180) }
}

const shells = [
  'Answer the customer politely. {question}',
  'Which department is this for? Message: {question}',
  'Summarise the request in one sentence: {question}',
  'Translate into plain English: {question}',
  'Suggest a title for this message: {question}',
  'Is the writer annoyed, neutral or happy? {question}',
] as const

/**
 * Programs of customers: help desks, triage and the like. Each wraps what its own customers write into one fixed sentence, around the clock or
 * by night, and calls more often than any person. Nothing is wrong with them.
 */
export function createPrograms(random: Random, count: number): Caller[] {
  return Array.from({ length: count }, (_, index) => {
    const shell = shells[index % shells.length]
    const subjects = Array.from({ length: random.between(2, 5) }, () => random.pick(topics))
    const nightly = random.chance(0.25)
    return {
      id: `svc-${String(index + 1).padStart(2, '0')}`,
      kind: 'service',
      address: `203.0.113.${index + 1}`,
      userAgent: 'openai-python/1.99',
      callsPerDay: nightly ? random.between(10, 30) : random.between(20, 110),
      activity: (hour) => (nightly ? (hour < 4 ? 1 : 0.01) : 0.5 + (hour > 7 && hour < 19 ? 1 : 0)),
      request: (from) => {
        const prompt = fill(shell, { question: () => question(from, from.pick(subjects)) })
        return { prompt, maxTokens: 256, temperature: 0, inputTokens: tokensOf(prompt) + 120, outputTokens: lengthOfAnswer(from, 40) }
      },
    }
  })
}

/** An account like any other, until it begins to copy the model: many subjects, long answers with their reasoning, at the pace of a machine. */
export function harvestRequest(random: Random): Request {
  const prompt = harvest(random)
  return {
    prompt,
    maxTokens: 2048,
    temperature: 1,
    inputTokens: tokensOf(prompt) + 40,
    outputTokens: 900 + Math.floor(random.next() * 1100),
  }
}

/** About four letters a token. */
function tokensOf(text: string): number {
  return Math.ceil(text.length / 4)
}

function lengthOfAnswer(random: Random, typical: number): number {
  return Math.max(1, Math.round(typical * Math.exp(0.5 * random.normal())))
}
