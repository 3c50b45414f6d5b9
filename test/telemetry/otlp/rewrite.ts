import protobuf from 'protobufjs'

/** How a message is written anew. Each is the same message to every reader. */
export interface Style {
  readonly order: 'as it is' | 'descending' | 'shuffled'
  /** Puts fields that nobody knows between the others, of each wire type, groups too. */
  readonly unknown: boolean
  /** Writes messages that stand once in two parts, which readers have to merge. */
  readonly split: boolean
  /** A number of 0 to 1. */
  readonly random: () => number
}

interface Field {
  readonly number: number
  readonly bytes: Buffer
}

function varint(value: number): Buffer {
  const writer = protobuf.Writer.create()
  return Buffer.from(writer.uint32(value).finish())
}

function delimited(number: number, content: Buffer): Field {
  return { number, bytes: Buffer.concat([varint((number << 3) | 2), varint(content.length), content]) }
}

const unknownFields: readonly Buffer[] = [
  Buffer.from([...varint((900 << 3) | 0), 0xff, 0xff, 0x03]),
  Buffer.from([...varint((901 << 3) | 1), 1, 2, 3, 4, 5, 6, 7, 8]),
  delimited(902, Buffer.from('nobody reads this')).bytes,
  // A group with a group, a text and an integer inside.
  Buffer.from([...varint((903 << 3) | 3), 0x0b, 0x0c, 0x12, 0x02, 0x0c, 0x0c, 0x18, 0x05, ...varint((903 << 3) | 4)]),
  Buffer.from([...varint((904 << 3) | 5), 1, 2, 3, 4]),
  // Known numbers with a wire type that none of our messages gives them.
  Buffer.from([(1 << 3) | 5, 1, 2, 3, 4]),
  Buffer.from([(2 << 3) | 5, 9, 9, 9, 9]),
]

/** Writes a message anew, and all messages inside of it. */
export function rewrite(type: protobuf.Type, message: Uint8Array, style: Style): Buffer {
  const { random } = style
  let fields = parse(type, message, style)
  if (style.order === 'descending') fields = [...fields].sort((a, b) => b.number - a.number)
  if (style.order === 'shuffled') fields = shuffle(fields, random)
  const parts = fields.map(({ bytes }) => bytes)
  if (style.unknown)
    for (let i = 0; i < 2; i++)
      parts.splice(Math.floor(random() * (parts.length + 1)), 0, unknownFields[Math.floor(random() * unknownFields.length)]!)
  return Buffer.concat(parts)
}

function parse(type: protobuf.Type, message: Uint8Array, style: Style): Field[] {
  const reader = protobuf.Reader.create(Buffer.from(message))
  const fields: Field[] = []
  while (reader.pos < reader.len) {
    const start = reader.pos
    const tag = reader.uint32()
    const number = tag >>> 3
    const field = type.fieldsById[number]
    field?.resolve()
    const inner = field?.resolvedType
    if (inner instanceof protobuf.Type) {
      const content = Buffer.from(reader.bytes())
      for (const part of style.split && !field!.repeated ? halves(inner, content, style) : [content])
        fields.push(delimited(number, rewrite(inner, part, style)))
    } else {
      reader.skipType(tag & 7, 0, number)
      fields.push({ number, bytes: Buffer.from(message.subarray(start, reader.pos)) })
    }
  }
  return fields
}

/** A message as two whose fields follow each other. */
function halves(type: protobuf.Type, message: Buffer, style: Style): Buffer[] {
  const fields = parse(type, message, { ...style, split: false, unknown: false, order: 'as it is' })
  const middle = Math.floor(style.random() * (fields.length + 1))
  return [fields.slice(0, middle), fields.slice(middle)].map((part) => Buffer.concat(part.map(({ bytes }) => bytes)))
}

/** Another order in which fields of one number follow each other as before: theirs has a meaning. */
function shuffle(fields: readonly Field[], random: () => number): Field[] {
  const places = fields.map(({ number }) => ({ number, at: random() })).sort((a, b) => a.at - b.at)
  const left = new Map<number, Field[]>()
  for (const field of fields) left.set(field.number, [...(left.get(field.number) ?? []), field])
  return places.map(({ number }) => left.get(number)!.shift()!)
}
