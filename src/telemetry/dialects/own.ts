import type { FieldRule } from './rule.ts'

export type OwnField =
  | 'principalKind'
  | 'address'
  | 'userAgent'
  | 'conversation'
  | 'label'
  | 'confidence'
  | 'margin'
  | 'entropy'
  | 'embedding'
  | 'fingerprint'
  | 'skeleton'
  | 'activationLayer'
  | 'activationVector'
  | 'samplingRatio'
  | 'injectionScore'
  | 'eventName'
  | 'run'
  | 'step'
  | 'source'
  | 'shard'
  | 'shardDigest'
  | 'sample'
  | 'sampleLabel'
  | 'samplePredicted'
  | 'loss'
  | 'round'
  | 'client'
  | 'updateNorm'
  | 'updateSketch'
  | 'updateSamples'
  | 'service'
  | 'namespace'
  | 'environment'

/** Names that Tidewatch defines itself, and the few public ones beside them. */
export const ownRules: readonly FieldRule<OwnField>[] = [
  { field: 'principalKind', parse: 'text', from: ['tidewatch.principal.kind'], note: '`human`, `service`, `agent`, `connector`' },
  { field: 'address', parse: 'text', from: ['client.address', 'metadata.requester_ip_address'], note: 'link `net`: /24 or /48' },
  { field: 'userAgent', parse: 'text', from: ['user_agent.original'], note: 'link `agent`' },
  {
    field: 'conversation',
    parse: 'text',
    from: ['gen_ai.conversation.id', 'session.id', 'ai.telemetry.metadata.sessionId', 'traceloop.association.properties.session_id'],
  },
  { field: 'label', parse: 'text', from: ['tidewatch.prediction.label'] },
  { field: 'confidence', parse: 'number', from: ['tidewatch.prediction.confidence'] },
  { field: 'margin', parse: 'number', from: ['tidewatch.prediction.margin'] },
  { field: 'entropy', parse: 'number', from: ['tidewatch.prediction.entropy'], note: 'nats' },
  { field: 'embedding', parse: 'raw', from: ['tidewatch.input.embedding'], note: 'vector' },
  { field: 'fingerprint', parse: 'text', from: ['tidewatch.input.fingerprint'], note: '16 hex digits' },
  { field: 'skeleton', parse: 'text', from: ['tidewatch.input.skeleton'], note: '16 hex digits' },
  { field: 'activationLayer', parse: 'text', from: ['tidewatch.activation.layer'] },
  { field: 'activationVector', parse: 'raw', from: ['tidewatch.activation.vector'], note: 'vector' },
  { field: 'samplingRatio', parse: 'number', from: ['tidewatch.sampling.ratio'], note: 'of the span, else of the resource; in (0, 1]' },
  { field: 'injectionScore', parse: 'number', from: ['tidewatch.content.injection_score'], note: 'clamped to 0..1' },
  { field: 'eventName', parse: 'text', from: ['event.name'], note: 'log records, where the field `eventName` is empty' },
  { field: 'run', parse: 'text', from: ['tidewatch.training.run.id'] },
  { field: 'step', parse: 'number', from: ['tidewatch.training.step'] },
  { field: 'source', parse: 'text', from: ['tidewatch.training.source'] },
  { field: 'shard', parse: 'text', from: ['tidewatch.training.shard'] },
  { field: 'shardDigest', parse: 'text', from: ['tidewatch.training.shard.digest'] },
  { field: 'sample', parse: 'text', from: ['tidewatch.training.sample.id'] },
  { field: 'sampleLabel', parse: 'text', from: ['tidewatch.training.label'] },
  { field: 'samplePredicted', parse: 'text', from: ['tidewatch.training.predicted'] },
  { field: 'loss', parse: 'number', from: ['tidewatch.training.loss'] },
  { field: 'round', parse: 'number', from: ['tidewatch.training.round'] },
  { field: 'client', parse: 'text', from: ['tidewatch.training.client'] },
  { field: 'updateNorm', parse: 'number', from: ['tidewatch.training.update.norm'] },
  { field: 'updateSketch', parse: 'raw', from: ['tidewatch.training.update.sketch'], note: 'vector' },
  { field: 'updateSamples', parse: 'count', from: ['tidewatch.training.update.samples'] },
  { field: 'service', parse: 'text', from: ['service.name'], note: 'resource' },
  { field: 'namespace', parse: 'text', from: ['service.namespace'], note: 'resource' },
  { field: 'environment', parse: 'text', from: ['deployment.environment.name', 'deployment.environment'], note: 'resource' },
]

/** Links that operators name themselves: `tidewatch.link.payment` and the like. */
export const linkFamily = 'tidewatch.link.'
