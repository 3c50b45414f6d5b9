import type { Tie } from '../../../src/server/read-evidence.ts'
import { formatNumber } from '../format.ts'
import { Figure } from './figure.tsx'

const mostMembers = 24
const mostTies = 14
const step = 24
const width = 640

/** Accounts of a cluster on the left, what they share on the right. */
export function Graph({ members, ties }: { readonly members: readonly string[]; readonly ties: readonly Tie[] }) {
  // What all share says nothing of who belongs together more than others; it comes last.
  const telling = [...ties].sort((a, b) => Number(a.kind === 'model') - Number(b.kind === 'model')).slice(0, mostTies)
  const shown = members.slice(0, mostMembers)
  const height = Math.max(shown.length, telling.length, 2) * step + 16
  const yOf = (at: number, count: number) => (height / (count + 1)) * (at + 1)
  const text = `${formatNumber(members.length)} accounts${members.length > shown.length ? `, ${shown.length} of them shown` : ''}; ${
    telling.length === 0
      ? 'they share nothing that is known'
      : `most widely shared: ${telling[0]!.kind} ${telling[0]!.value} by ${telling[0]!.members.length}`
  }.`
  return (
    <Figure
      title="Accounts and what they share"
      text={text}
      head={['Shared', 'Value', 'Accounts']}
      rows={ties.map(({ kind, value, members: who }) => [kind, value, who.join(', ')])}
    >
      <svg class="drawing graph" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={text}>
        {telling.flatMap((tie, right) =>
          shown.flatMap((member, left) =>
            tie.members.includes(member)
              ? [
                  <line
                    key={`${right}/${member}`}
                    class="edge"
                    x1="216"
                    x2="424"
                    y1={yOf(left, shown.length)}
                    y2={yOf(right, telling.length)}
                  />,
                ]
              : [],
          ),
        )}
        {shown.map((member, at) => (
          <g key={member}>
            <circle class="member" cx="216" cy={yOf(at, shown.length)} r="5" />
            <text x="204" y={yOf(at, shown.length) + 4} text-anchor="end">
              {short(member)}
            </text>
          </g>
        ))}
        {telling.map(({ kind, value }, at) => (
          <g key={`${kind}/${value}`}>
            <rect class="tie" x="419" y={yOf(at, telling.length) - 5} width="10" height="10" />
            <text x="436" y={yOf(at, telling.length) + 4}>
              {short(`${kind} ${value}`)}
            </text>
          </g>
        ))}
      </svg>
    </Figure>
  )
}

const short = (text: string) => (text.length > 26 ? `${text.slice(0, 25)}…` : text)
