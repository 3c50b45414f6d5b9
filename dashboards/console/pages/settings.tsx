import { useFetched } from '../fetched.ts'
import { zoneName } from '../format.ts'
import { status } from '../live.ts'
import { Facts, Loaded, Section } from '../parts/common.tsx'

export function SettingsPage() {
  const fetched = useFetched<{ version: string; yaml: string }>('/api/v1/settings')
  return (
    <>
      <div class="page-head">
        <h1>Settings</h1>
      </div>
      <Loaded fetched={fetched}>
        {({ version, yaml }) => (
          <>
            <Facts
              entries={[
                ['Version', version],
                ['Store', status.value?.store],
                ['Inputs', status.value?.inputs.join(', ')],
                ['Times are shown in', zoneName()],
                [
                  'API',
                  <a key="a" href="/api/v1/openapi.json">
                    OpenAPI document
                  </a>,
                ],
              ]}
            />
            <Section title="Configuration as it runs">
              <p class="quiet">Defaults filled in, secrets hidden. It is changed in the file; a restart reads it.</p>
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
              <pre class="yaml" tabIndex={0}>
                <code>{yaml}</code>
              </pre>
            </Section>
          </>
        )}
      </Loaded>
    </>
  )
}
