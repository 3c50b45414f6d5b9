import { useState } from 'preact/hooks'
import { useDeed } from '../parts/action.tsx'
import { Section, Time } from '../parts/common.tsx'
import type { Alert } from '../shapes.ts'

const silences = [
  ['1h', '1 hour'],
  ['4h', '4 hours'],
  ['1d', '1 day'],
  ['7d', '7 days'],
  ['0s', 'end the silence'],
] as const

const verdicts = [
  ['true', 'It was real'],
  ['false', 'False alarm'],
  ['benign', 'Real but benign'],
] as const

/** What can be done about an incident, and what was done. Every deed becomes a record of the log; the incident then changes by itself. */
export function Deeds({ alert }: { readonly alert: Alert }) {
  const [note, setNote] = useState('')
  const [silence, setSilence] = useState<string>('4h')
  const deed = useDeed()
  const act = (path: string, body: object, done: string) =>
    deed.run(`/api/v1/incidents/${encodeURIComponent(alert.incident)}/${path}`, { ...body, note }, `${done}: written into the log.`, () =>
      setNote(''),
    )
  const { acknowledged, silenced, feedback, expected } = alert.handling ?? {}
  return (
    <Section title="What to do">
      <ul class="done">
        {alert.handling === undefined && <li class="quiet">Nobody has done anything yet.</li>}
        {acknowledged && (
          <li>
            Acknowledged by {acknowledged.by}, <Time iso={acknowledged.time} />
          </li>
        )}
        {silenced && (
          <li>
            Silenced by {silenced.by} until <Time iso={silenced.until} />
          </li>
        )}
        {feedback && (
          <li>
            {feedback.by} says: {verdicts.find(([verdict]) => verdict === feedback.verdict)?.[1].toLowerCase()}
          </li>
        )}
        {expected && (
          <li>
            Expected: {expected.note || 'announced'} ({expected.by})
          </li>
        )}
      </ul>
      <div class="deeds">
        <label class="choice">
          <span>Note</span>
          <input value={note} maxLength={1000} placeholder="why (may stay empty)" onInput={(event) => setNote(event.currentTarget.value)} />
        </label>
        <div class="row">
          <button type="button" class="main" disabled={deed.busy} onClick={() => act('acknowledge', {}, 'Acknowledge')}>
            Acknowledge
          </button>
        </div>
        <div class="row">
          <button type="button" disabled={deed.busy} onClick={() => act('silence', { for: silence }, 'Silence')}>
            Silence
          </button>
          <select aria-label="For how long" value={silence} onChange={(event) => setSilence(event.currentTarget.value)}>
            {silences.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </div>
        <fieldset class="row">
          <legend>What was it?</legend>
          {verdicts.map(([verdict, text]) => (
            <button key={verdict} type="button" disabled={deed.busy} onClick={() => act('feedback', { verdict }, text)}>
              {text}
            </button>
          ))}
        </fieldset>
        <p class="said" role="status">
          {deed.said}
        </p>
      </div>
    </Section>
  )
}
