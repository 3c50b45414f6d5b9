import type { Random } from './random.ts'
import { encyclopaedia, type Topic } from './topics.ts'

const questions = [
  'How do I get {aspect} right with a {thing}?',
  'What should I know about {aspect} when it comes to a {thing}?',
  'Can you help me with a {thing}? My problem is {aspect}.',
  'Explain {aspect} for a {thing} to somebody who is new to {topic}.',
  'Is it normal that {aspect} is so hard with this {thing}?',
  'Write a short note to {name} about the {thing}; mention {aspect}.',
  'I have {number} days left for the {thing}. What about {aspect}?',
  'Give me {few} ideas for a {thing}, with {aspect} in mind.',
  'Compare {thing} and {thing2}, mainly for {aspect}.',
  'My {thing} went wrong last week because of {aspect}. What can I do?',
  'Make a checklist for a {thing}, including {aspect} and {aspect2}.',
  'Summarise what we said about the {thing} and {aspect} in {few} sentences.',
  'Why does everybody warn me of {aspect} with a {thing}?',
  'What would {aspect} cost me for a {thing}, roughly {number} euros?',
  'Please check this text about my {thing}: it should say more on {aspect}.',
  '{name} says {aspect} does not matter for a {thing}. Is that so?',
  'First time with a {thing}. Where do I begin, and what about {aspect}?',
  'Does {aspect} change when I have {few} instead of one {thing}?',
] as const

const openings = ['', '', '', 'Hi, ', 'Hello! ', 'Quick question: ', 'Thanks. ', 'Okay, ', 'Sorry, once more: '] as const
const endings = [
  '',
  '',
  '',
  ' Keep it short.',
  ' Answer as a table.',
  ' I am a beginner.',
  ' Please in simple words.',
  ' It is for {name}.',
  ' We talked about {aspect2} before.',
  ' I already tried {thing2}.',
] as const
const names = 'Mara, Jonas, Aylin, Pedro, Ines, Tariq, Lotte, Samir, Greta, Oskar, Nadia, Felix, Priya, Emil, Yuki, Carla'.split(', ')

/** What a person who is at home in a topic asks. */
export function question(random: Random, topic: Topic): string {
  const template = random.pick(openings) + random.pick(questions) + random.pick(endings)
  return fill(template, {
    topic: () => topic.name,
    thing: () => random.pick(topic.things),
    thing2: () => random.pick(topic.things),
    aspect: () => random.pick(topic.aspects),
    aspect2: () => random.pick(topic.aspects),
    name: () => random.pick(names),
    number: () => String(random.between(2, 90)),
    few: () => String(random.between(3, 7)),
  })
}

const harvests = [
  'Provide an exhaustive exposition of {subject}: {facet}. Reason step by step and justify every inference before the conclusion.',
  'Generate {count} distinct question-answer pairs on {subject} with focus on {facet}. Emit JSON with fields instruction, reasoning, output.',
  'Act as a domain expert. Derive {facet} of {subject} from first principles, enumerating intermediate steps.',
  'Produce a graded solution with full chain of thought: discuss {facet} with respect to {subject} and {subject2}.',
  'Contrast {subject} with {subject2} regarding {facet}; output the complete rationale, then a one-line verdict.',
  'List {count} hard examination tasks about {subject} ({facet}) and solve each in detail.',
] as const

/** What somebody asks who wants to train a copy: everything, in depth, with the reasoning. */
export function harvest(random: Random): string {
  return fill(random.pick(harvests), {
    subject: () => random.pick(encyclopaedia.subjects),
    subject2: () => random.pick(encyclopaedia.subjects),
    facet: () => random.pick(encyclopaedia.facets),
    count: () => String(random.between(5, 40)),
  })
}

/** Replaces `{slot}` by what its function gives. */
export function fill(template: string, slots: Readonly<Record<string, () => string>>): string {
  return template.replaceAll(/\{(\w+)\}/g, (_, slot: string) => slots[slot]())
}
