import type { ByteReader, ByteWriter } from '../sketches/bytes.ts'

/** How values of one type stand in a record between the stages. `read` of what `write` wrote gives an equal value. */
export interface Field<T> {
  write(writer: ByteWriter, value: T): void
  read(reader: ByteReader): T
}

export const text: Field<string> = {
  write: (writer, value) => void writer.text(value),
  read: (reader) => reader.text(),
}

/** Any number, NaN and infinities too. */
export const number: Field<number> = {
  write: (writer, value) => void writer.f64(value),
  read: (reader) => reader.f64(),
}

export const boolean: Field<boolean> = {
  write: (writer, value) => void writer.u8(value ? 1 : 0),
  read: (reader) => reader.u8() === 1,
}

export const bytes: Field<Uint8Array> = {
  write: (writer, value) => void writer.block(value),
  read: (reader) => reader.block(),
}

/** Float32 values with their count before them. */
export const vector: Field<Float32Array> = {
  write: (writer, value) => void writer.u32(value.length).f32s(value),
  read: (reader) => reader.f32s(reader.u32()),
}

/** One of a closed set of names, as its place in the list. New names are added at the end; the list is part of the record's version. */
export function oneOf<const T extends string>(...names: readonly T[]): Field<T> {
  return {
    write: (writer, value) => void writer.u8(names.indexOf(value)),
    read: (reader) => {
      const name = names[reader.u8()]
      if (name === undefined) throw new RangeError('a name that is not known')
      return name
    },
  }
}

export function nullable<T>(field: Field<T>): Field<T | null> {
  return {
    write: (writer, value) => {
      writer.u8(value === null ? 0 : 1)
      if (value !== null) field.write(writer, value)
    },
    read: (reader) => (reader.u8() === 0 ? null : field.read(reader)),
  }
}

export function list<T>(field: Field<T>): Field<readonly T[]> {
  return {
    write: (writer, values) => {
      writer.u32(values.length)
      for (const value of values) field.write(writer, value)
    },
    // Not `Array.from({ length })`: a damaged length must end at the end of the bytes, not at the end of the memory.
    read: (reader) => {
      const values: T[] = []
      for (let left = reader.u32(); left > 0; left--) values.push(field.read(reader))
      return values
    },
  }
}

/** The fields of an object in the order given. Every key of T must be named. */
export function struct<T extends object>(fields: { readonly [K in keyof T]-?: Field<T[K]> }): Field<T> {
  const entries = Object.entries(fields) as [keyof T, Field<unknown>][]
  return {
    write: (writer, value) => {
      for (const [key, field] of entries) field.write(writer, value[key])
    },
    read: (reader) => {
      const value: Partial<Record<keyof T, unknown>> = {}
      for (const [key, field] of entries) value[key] = field.read(reader)
      return value as T
    },
  }
}
