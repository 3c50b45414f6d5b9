/** How a value is read; each gives nothing (and so leaves the field to the next name) where the value does not fit. */
export type Parser =
  /** Text; a number or a boolean becomes text. Empty text and the text `None` are no value. */
  | 'text'
  /** Text that may be JSON-encoded once (`"alice"` with the quotes). */
  | 'jsonText'
  /** A finite number, or text that is one. */
  | 'number'
  /** A number of 0 or more. */
  | 'count'
  /** A boolean, or the text or number that stands for one. */
  | 'flag'
  /** The first of several reasons: a list, a JSON list, a list as Python prints it, or plain text. */
  | 'first'
  /** How many entries a mapping has: a mapping, JSON, or a dict as Python prints it. */
  | 'size'
  /** As it is. */
  | 'raw'

/**
 * Where a field comes from, best source first. A source is an attribute's name, or `name#path` for a path inside the JSON text that
 * the attribute holds. A pair names another parser for that source.
 */
export interface FieldRule<Field extends string> {
  readonly field: Field
  readonly parse: Parser
  readonly from: readonly (string | readonly [string, Parser])[]
  /** For the documentation. */
  readonly note?: string
}
