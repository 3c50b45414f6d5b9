import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAttributeKeys } from '../../../src/telemetry/attribute-keys.ts'
import { ByteKeys } from '../../../src/telemetry/otlp/keys.ts'

function slotOf(bytes: ByteKeys, name: string): number {
  const encoded = Buffer.from(`..${name}..`)
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.length)
  return bytes.slotOf(view, 2, encoded.length - 4)
}

const part = fc.constantFrom('gen_ai.', 'usage.', 'request.', 'model', 'a', 'b', 'é', '☃', 'link.', '')
const name = fc.array(part, { maxLength: 5 }).map((parts) => parts.join(''))

describe('attribute names by their bytes', () => {
  test('have the slots that they have as text, whatever names and families there are', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { maxLength: 300 }),
        fc.uniqueArray(
          name.filter((prefix) => prefix !== ''),
          { maxLength: 4 },
        ),
        fc.array(name),
        (names, families, others) => {
          const keys = createAttributeKeys(names, families)
          const bytes = new ByteKeys(keys)
          for (const one of [...names, ...families, ...others, ...families.map((family) => `${family}x`)]) {
            expect(slotOf(bytes, one)).toBe(keys.slotOf(one))
            expect(bytes.isFamily(slotOf(bytes, one))).toBe(keys.slotOf(one) >= keys.names.length)
          }
        },
      ),
    )
  })
})
