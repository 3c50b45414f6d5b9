import type { ByteReader, ByteWriter } from './bytes.ts'

/** Writes float32 values, of which many may be zero: a bit for each says whether it follows. */
export function writeSparse(writer: ByteWriter, values: Float32Array): void {
  for (let at = 0; at < values.length; at += 8) {
    let bits = 0
    for (let i = 0; i < 8 && at + i < values.length; i++) if (values[at + i] !== 0) bits |= 1 << i
    writer.u8(bits)
  }
  writer.f32s(values.filter((value) => value !== 0))
}

/** Reads what `writeSparse` wrote into `values`, which must be of the same length. */
export function readSparse(reader: ByteReader, values: Float32Array): void {
  const present: number[] = []
  for (let at = 0; at < values.length; at += 8) {
    const bits = reader.u8()
    for (let i = 0; i < 8; i++) if (bits & (1 << i)) present.push(at + i)
  }
  const read = reader.f32s(present.length)
  values.fill(0)
  present.forEach((at, i) => {
    values[at] = read[i]
  })
}

export function writeDoubles(writer: ByteWriter, values: Float64Array): void {
  for (const value of values) writer.f64(value)
}

export function readDoubles(reader: ByteReader, values: Float64Array): void {
  for (let i = 0; i < values.length; i++) values[i] = reader.f64()
}
