import type { AttributeKeys } from './otlp/records.ts'

/** Names that were looked up and are not of the table; remembered so that a family is not searched for every one. */
const memoLimit = 4096

/** The attributes that are read. Throws nothing; a name that is given twice counts once. */
export function createAttributeKeys(names: Iterable<string>, families: Iterable<string>): AttributeKeys {
  const nameList = [...new Set(names)]
  const familyList = [...new Set(families)]
  const slots = new Map(nameList.map((name, slot) => [name, slot]))
  let memo = new Map<string, number>()
  return {
    names: nameList,
    families: familyList,
    slotOf(name) {
      const slot = slots.get(name) ?? memo.get(name)
      if (slot !== undefined) return slot
      const family = familyList.findIndex((prefix) => name.startsWith(prefix))
      const found = family < 0 ? -1 : nameList.length + family
      if (memo.size >= memoLimit) memo = new Map()
      memo.set(name, found)
      return found
    },
  }
}
