import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { dashboard } from './board.ts'
import { activations } from './boards/activations.ts'
import { extraction } from './boards/extraction.ts'
import { overview } from './boards/overview.ts'
import { pipeline } from './boards/pipeline.ts'
import { principal } from './boards/principal.ts'
import { training } from './boards/training.ts'

/** Every dashboard, by the name of its file in `dashboards/grafana/json`. */
export const dashboards: ReadonlyMap<string, Dashboard> = new Map(
  [overview, extraction, training, activations, principal, pipeline].map((board) => [`${board.name}.json`, dashboard(board)]),
)
