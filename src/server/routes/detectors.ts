import { z } from 'zod'
import { TidewatchError } from '../../errors.ts'
import type { ServerDeps } from '../deps.ts'
import { readCalibration } from '../read-calibration.ts'
import { parseRequest, type Route } from '../route.ts'
import { detectorSchema } from '../schemas.ts'

const parameters = z.strictObject({ name: z.string().min(1).max(200) })

const calibrationSchema = z.object({
  detector: z.string(),
  subjectDays: z.number().describe('Subjects times days with a p-value.'),
  levels: z
    .array(z.object({ level: z.number(), found: z.number(), share: z.number() }))
    .describe('How many of them had a p-value of at most the level.'),
  hours: z.array(z.object({ time: z.string(), looks: z.number(), subjects: z.number() })).describe('What it said, by the hour.'),
})

export function detectorRoutes({ store, detectors }: Pick<ServerDeps, 'store' | 'detectors'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/detectors',
      id: 'listDetectors',
      summary: 'The detectors, and whether they are switched on.',
      role: 'viewer',
      answer: { type: 'application/json', schema: z.object({ items: z.array(detectorSchema) }) },
      handle: () => ({ items: detectors }),
    },
    {
      method: 'GET',
      path: '/api/v1/detectors/{name}/calibration',
      id: 'getCalibration',
      summary: 'How the p-values of a detector fall, and how often it speaks.',
      role: 'viewer',
      parameters,
      answer: { type: 'application/json', schema: calibrationSchema },
      otherAnswers: { 404: 'There is no such detector.' },
      async handle(request) {
        const { name } = parseRequest(parameters, request.params)
        if (!detectors.some((detector) => detector.name === name)) throw new TidewatchError('TW_NOT_FOUND', `detector ${name}`)
        return readCalibration(store, name)
      },
    },
  ]
}
