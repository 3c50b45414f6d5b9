import type { ByteReader, ByteWriter } from '../sketches/bytes.ts'

const unknown = 0xffff

/** Texts that come again and again in one encoding (populations, kinds of subjects): in full the first time, then two bytes. */
export class SharedTexts {
  readonly #places = new Map<string, number>()
  readonly #texts: string[] = []

  write(writer: ByteWriter, text: string): void {
    const place = this.#places.get(text)
    if (place !== undefined) {
      writer.u16(place)
      return
    }
    writer.u16(unknown).text(text)
    this.#add(text)
  }

  read(reader: ByteReader): string {
    const place = reader.u16()
    if (place !== unknown) return this.#texts[place]
    const text = reader.text()
    this.#add(text)
    return text
  }

  /** What comes after too many others is written in full each time. */
  #add(text: string): void {
    if (this.#texts.length >= unknown) return
    this.#places.set(text, this.#texts.length)
    this.#texts.push(text)
  }
}
