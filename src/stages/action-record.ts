import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Config } from '../config/schema.ts'
import type { Action } from '../decisions/action.ts'
import { TidewatchError } from '../errors.ts'
import type { SourceRecord } from '../sources/source.ts'
import { decodeIdentityKey, loadOrCreateIdentityKey } from '../telemetry/identity-key.ts'
import { controlHeader } from './tick.ts'

/**
 * Actions as records of the log: no value (to whoever else reads the topic, an export request without spans), the action as JSON in a
 * header, and its signature in another. Whoever may write telemetry into a topic must not be able to silence what is found in it.
 */

const actionHeader = 'tidewatch-action'
const signatureHeader = 'tidewatch-signature'

/** Signs and checks actions. */
export type ActionKey = Uint8Array

/** Made from the identity key, which all instances of a deployment share. */
export async function openActionKey({ identity, data }: Config): Promise<ActionKey> {
  const key = identity.key === undefined ? await loadOrCreateIdentityKey(data.directory) : decodeIdentityKey(identity.key)
  return createHmac('sha256', key).update('tidewatch actions').digest()
}

const done = { id: z.string(), time: z.number(), by: z.string(), note: z.string() }
const common = { ...done, incident: z.string() }
const ofPopulation = { ...done, detector: z.string(), population: z.string() }
const actionSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('acknowledge'), ...common }),
  z.strictObject({ kind: z.literal('silence'), until: z.number(), ...common }),
  z.strictObject({ kind: z.literal('feedback'), verdict: z.enum(['true', 'false', 'benign']), ...common }),
  z.strictObject({ kind: z.literal('freeze'), ...ofPopulation }),
  z.strictObject({ kind: z.literal('thaw'), ...ofPopulation }),
  z.strictObject({
    kind: z.literal('expect'),
    from: z.number(),
    until: z.number(),
    model: z.string().nullable(),
    service: z.string().nullable(),
    category: z.enum(['extraction', 'poisoning', 'activation', 'signal', 'trust']).nullable(),
    ...done,
  }),
  z.strictObject({ kind: z.literal('withdraw'), expectation: z.string(), ...done }),
])

export const sign = (key: ActionKey, text: string) => createHmac('sha256', key).update(text).digest()

/** Throws TW_ACTION_REFUSED where a signature (hexadecimal) is not that of the text. */
export function fits(key: ActionKey | null, text: string, signature: string | undefined): void {
  if (key === null) throw new TidewatchError('TW_ACTION_REFUSED', 'no actions are expected here')
  const given = Buffer.from(signature ?? '', 'hex')
  const expected = sign(key, text)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new TidewatchError('TW_ACTION_REFUSED', 'its signature does not fit')
  }
}

/** Headers of the record that holds an action; its value is empty. */
export function actionHeaders(action: Action, key: ActionKey): Record<string, string> {
  const text = Buffer.from(JSON.stringify(action)).toString('base64')
  return { [controlHeader]: 'action', [actionHeader]: text, [signatureHeader]: sign(key, text).toString('hex') }
}

export function isAction({ headers }: Pick<SourceRecord, 'headers'>): boolean {
  return headers[controlHeader] === 'action'
}

/** The action of a record. Throws TW_ACTION_REFUSED for one that was not signed with the key, or that this version does not know. */
export function readAction({ headers }: Pick<SourceRecord, 'headers'>, key: ActionKey | null): Action {
  const text = headers[actionHeader] ?? ''
  fits(key, text, headers[signatureHeader])
  const parsed = actionSchema.safeParse(parseJson(Buffer.from(text, 'base64').toString('utf8')))
  if (!parsed.success) throw new TidewatchError('TW_ACTION_REFUSED', 'it is of an unknown kind')
  return parsed.data
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
