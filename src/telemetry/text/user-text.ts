import { contentRules } from '../dialects/content.ts'
import type { ContentPart } from '../draft.ts'
import { parseJson } from '../parse.ts'

/** Longer texts are cut here before anything is made of them. */
export const maxTextLength = 16_384

/**
 * What the user said in a call: the last message of the user (system prompts, answers and tool results are left out), or the inputs of an
 * embedding. White space is collapsed, so that the same text in any dialect is the same here. `null` where there is no text.
 */
export function userText(content: readonly ContentPart[]): string | null {
  if (content.length === 0) return null
  for (let rank = 0; rank < contentRules.length; rank++) {
    const parts = content.filter((part) => part.rank === rank)
    if (parts.length === 0) continue
    const rule = contentRules[rank]!
    const text = rule.shape === 'flat' ? fromFlat(parts, rule.name) : fromValue(parts.at(-1)!.value)
    const clean = text === null ? '' : normalise(text)
    if (clean !== '') return clean
  }
  return null
}

function normalise(text: string): string {
  return text.slice(0, maxTextLength).normalize('NFC').replace(/\s+/g, ' ').trim()
}

/** Messages that were flattened to `PREFIX N.role`, `N.content`, `N.message.role`, `N.message.contents.M.message_content.text` and so on. */
function fromFlat(parts: readonly ContentPart[], prefix: string): string | null {
  const messages = new Map<number, { role: string; pieces: [number, string][] }>()
  for (const { name, value } of parts) {
    const match = /^(\d+)\.(?:message\.)?(.+)$/.exec(name.slice(prefix.length))
    if (match === null || typeof value !== 'string') continue
    const index = Number(match[1])
    let message = messages.get(index)
    if (message === undefined) {
      message = { role: '', pieces: [] }
      messages.set(index, message)
    }
    const key = match[2]!
    if (key === 'role') message.role = value
    else if (key === 'content') message.pieces.push([-1, contentText(value) ?? ''])
    else {
      const piece = /^contents\.(\d+)\.message_content\.text$/.exec(key)
      if (piece !== null) message.pieces.push([Number(piece[1]), value])
    }
  }
  const ordered = [...messages].sort(([a], [b]) => a - b).map(([, message]) => message)
  const last = ordered.findLast(({ role, pieces }) => isUser(role) && pieces.length > 0)
  return last === undefined
    ? null
    : last.pieces
        .sort(([a], [b]) => a - b)
        .map(([, text]) => text)
        .join('\n')
}

function isUser(role: unknown): boolean {
  return role === 'user' || role === 'human' || role === '' || role === undefined
}

/** Text, JSON text, a list of messages, or an object around one of them. */
function fromValue(value: unknown): string | null {
  const opened = typeof value === 'string' ? openText(value) : value
  if (typeof opened === 'string') return opened
  if (Array.isArray(opened)) return fromList(opened)
  if (typeof opened !== 'object' || opened === null) return null
  const request = opened as Record<string, unknown>
  if (Object.hasOwn(request, 'role')) return isUser(request.role) ? messageText(request) : null
  for (const key of ['messages', 'input', 'prompt', 'contents', 'query', 'question', 'text']) {
    const inner = request[key]
    if (inner === undefined || inner === null) continue
    const text = fromValue(inner)
    if (text !== null) return text
  }
  return messageText(request)
}

/** JSON where the text is a JSON object, list or string; else the text itself. */
function openText(text: string): unknown {
  return /^\s*[[{"]/.test(text) ? (parseJson(text) ?? text) : text
}

function fromList(list: readonly unknown[]): string | null {
  const isMessage = (item: unknown): item is Record<string, unknown> =>
    typeof item === 'object' && item !== null && Object.hasOwn(item, 'role')
  if (list.some(isMessage)) {
    const last = list.findLast((item) => isMessage(item) && isUser(item.role) && (messageText(item) ?? '') !== '')
    return last === undefined ? null : messageText(last as Record<string, unknown>)
  }
  const texts = list
    .map((item) => (typeof item === 'string' ? openText(item) : contentText(item)))
    .filter((text) => typeof text === 'string')
  return texts.length === 0 ? null : texts.join('\n')
}

function messageText(message: Record<string, unknown>): string | null {
  return contentText(message.parts ?? message.content ?? message.text)
}

/** The text of a message: a string (also JSON of parts), a part, or parts; what is no text (images, tool results) is left out. */
function contentText(content: unknown): string | null {
  if (typeof content === 'string') {
    const opened = /^\s*\[\s*\{/.test(content) ? parseJson(content) : undefined
    return Array.isArray(opened) ? contentText(opened) : content
  }
  if (Array.isArray(content)) {
    const texts = content.map(contentText).filter((text) => text !== null)
    return texts.length === 0 ? null : texts.join('\n')
  }
  if (typeof content !== 'object' || content === null) return null
  const part = content as Record<string, unknown>
  if (typeof part.type === 'string' && !['text', 'input_text'].includes(part.type)) return null
  const text = part.text ?? part.content
  return typeof text === 'string' ? text : null
}
