/** Text with its `${NAME}` and `${NAME:-default}` replaced. */
export interface Substituted {
  readonly text: string
  /** Variables that were named, in order. */
  readonly variables: readonly string[]
  readonly problems: readonly string[]
}

const reference = /\$\$\{|\$\{([^}]*)(\})?/g
const inside = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s

/**
 * Replaces `${NAME}` by the environment variable of that name and `${NAME:-default}` by the default when the variable is unset or
 * empty. `$${` stands for a literal `${`. Variables that are not set and references that are no references are problems; the text
 * of variables is never read again, so a secret may hold any characters.
 */
export function substitute(text: string, env: Readonly<Record<string, string | undefined>>): Substituted {
  const variables: string[] = []
  const problems: string[] = []
  const replaced = text.replaceAll(reference, (match: string, body: string | undefined, close: string | undefined) => {
    if (match === '$${') return '${'
    const [, name, fallback] = (close && inside.exec(body ?? '')) || []
    if (name === undefined) {
      problems.push(
        `\`${match}\` is no reference to an environment variable; write \`\${NAME}\` or \`\${NAME:-default}\`, or \`$\${\` for the characters`,
      )
      return match
    }
    variables.push(name)
    const value = env[name]
    if (fallback !== undefined) return value === undefined || value === '' ? fallback : value
    if (value === undefined) problems.push(`the environment variable ${name} is not set`)
    return value ?? ''
  })
  return { text: replaced, variables, problems }
}
