/**
 * What training and inference code imports to tell Tidewatch how it is: `import { startTelemetry, trainingRun } from 'tidewatch/sdk'`.
 * Nothing here needs a running Tidewatch: it speaks OpenTelemetry to whatever receives OTLP.
 */
export { activationAttributes, predictionAttributes } from './inference.ts'
export { type LayerStatistics, layerStatistics } from './layers.ts'
export { project, toBase64 } from './project.ts'
export { startTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.ts'
export { digestOf, type Sample, type TrainingRun, type TrainingRunOptions, trainingRun, type Update } from './training.ts'
