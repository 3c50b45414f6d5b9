import { configJsonSchema, propertiesOf, type SchemaNode } from '../src/config/json-schema.ts'

/** `docs/configuration.md`, made from the schema so that it cannot say anything else. */
export function configurationPage(): string {
  const sections = Object.entries(propertiesOf(configJsonSchema()))
  const rows = sections.map(([name, node]) => section(name, node)).join('\n')
  return `${intro}\n${rows}`
}

const intro = `# Configuration

<!-- Made from src/config/schema.ts by \`npm run docs\`; do not edit. -->

One YAML file, and none at all works, too: every option has a default.

- \`tidewatch run\` and \`tidewatch config\` read the file that \`--config\` names, otherwise \`./tidewatch.yaml\` where there is one.
  \`replay\`, \`inspect\` and \`backtest\` read none unless \`--config\` names one, so that the same command gives the same answer everywhere.
- Unknown keys and bad values are refused, all at once, with line and column. \`tidewatch config check\` says so without starting anything;
  \`tidewatch config show\` prints what is in force and where it came from, secrets masked.
- \`\${NAME}\` in a value is replaced by the environment variable, \`\${NAME:-default}\` by the default when it is unset or empty; \`$\${\` stands for
  the characters. A variable that is not set is an error. Inside \`[]\` and \`{}\` YAML wants quotes around it: \`["\${BROKER}"]\`. Keep secrets there.
- Durations are numbers of seconds or text with a unit (\`500ms\`, \`10s\`, \`5m\`, \`12h\`, \`30d\`); sizes are numbers of bytes or text with a unit
  (\`64 KB\`, \`4 MB\`, \`2 GB\`; powers of 1024). A list of texts may also be one text with commas.
- \`tidewatch config schema > tidewatch.schema.json\` gives a JSON Schema. With \`# yaml-language-server: $schema=tidewatch.schema.json\` as the
  first line of the file, editors complete and check it.

A small file for a team with Kafka and ClickHouse:

\`\`\`yaml
kafka:
  brokers: [kafka-1:9092, kafka-2:9092]
store:
  url: https://clickhouse:8443
  username: tidewatch
  password: \${CLICKHOUSE_PASSWORD}
identity:
  key: \${TIDEWATCH_IDENTITY_KEY}
webhooks:
  - name: soc
    url: https://soc.example.org/hooks/tidewatch
    secret: \${TIDEWATCH_WEBHOOK_SECRET}
\`\`\`
`

function section(name: string, node: SchemaNode): string {
  const rows = options(name, node)
  if (!node.properties && !node.items) return `## ${name}\n\n${rows.map((row) => row.text).join('\n')}\n`
  const head = `## ${name}\n\n${node.description}\n\n| option | type | default | meaning |\n|---|---|---|---|\n`
  return `${head}${rows.map(({ key, type, initial, text }) => `| \`${key}\` | ${type} | ${initial} | ${text} |`).join('\n')}\n`
}

interface OptionRow {
  readonly key: string
  readonly type: string
  readonly initial: string
  readonly text: string
}

/** A row for every leaf, and one for each group that may be left out as a whole. */
function options(key: string, node: SchemaNode, required = false): OptionRow[] {
  const items = node.items?.properties ? node.items : null
  const inner = items ?? node
  const children = Object.entries(propertiesOf(inner)).flatMap(([name, child]) =>
    options(`${key}${items ? '[]' : ''}.${name}`, child, inner.required?.includes(name)),
  )
  const isGroup = children.length > 0 && !node.anyOf
  if (isGroup) return children
  const text = node.description ?? ''
  const initial = node.default === undefined ? (required ? 'required' : '') : `\`${JSON.stringify(node.default).replaceAll('"', '')}\``
  return [{ key, type: typeOf(node), initial, text: text.replaceAll('|', '\\|') }, ...children]
}

function typeOf(node: SchemaNode): string {
  if (node['x-type']) return node.writeOnly ? `${node['x-type']} (secret)` : node['x-type']
  if (node.enum) return node.enum.map((value) => `\`${value}\``).join(', ')
  if (node.anyOf) return node.anyOf.map((form) => (form.type === 'object' ? 'keys below' : typeOf(form))).join(' or ')
  if (node.items) return `list of ${typeOf(node.items)}`
  if (node.type === 'boolean') return '`true`, `false`'
  if (node.type === 'integer' || node.type === 'number') return `${node.type === 'integer' ? 'whole number' : 'number'}${rangeOf(node)}`
  return node.writeOnly ? 'text (secret)' : 'text'
}

function rangeOf({ minimum, maximum, exclusiveMinimum }: SchemaNode): string {
  const top = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined
  if (minimum !== undefined && top !== undefined) return ` ${minimum} to ${top}`
  if (minimum !== undefined) return `, ${minimum} or more`
  return exclusiveMinimum === undefined ? '' : `, more than ${exclusiveMinimum}`
}
