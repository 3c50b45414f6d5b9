/**
 * Trains a small network and tells Tidewatch how it goes: every example as it is seen, every layer, loss and gradient.
 *
 *   node training.mjs            twelve honest sources
 *   node training.mjs --poison   one of them flips labels
 *
 * `tidewatch run` on the same machine shows an incident about `source-7` in the second case. OTEL_EXPORTER_OTLP_ENDPOINT says where else to send.
 */
import { digestOf, startTelemetry, trainingRun } from 'tidewatch/sdk'
import { classes, createRandom, deliveries, inputs } from './deliveries.mjs'
import { createPerceptron } from './perceptron.mjs'

const epochs = 5
const poison = process.argv.includes('--poison')
const id = process.env.RUN_ID ?? `example-${new Date().toISOString()}`

const telemetry = startTelemetry({ service: 'example-training' })
const run = trainingRun(id)
const random = createRandom(1)
const model = createPerceptron({ inputs, hidden: 32, classes, rate: 0.01, random })
const shards = deliveries({ seed: 2, poison })

let step = 0
for (let epoch = 1; epoch <= epochs; epoch++) {
  const seen = shards
    .filter(({ from }) => from <= epoch)
    .flatMap((shard) => {
      // Made anew every epoch: bytes that change behind our back are noticed.
      const shardDigest = digestOf(Buffer.from(JSON.stringify(shard.examples.map(({ x, label }) => [...x, label]))))
      return shard.examples.map((example) => ({ ...example, shard, shardDigest }))
    })
  for (let at = seen.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1))
    ;[seen[at], seen[other]] = [seen[other], seen[at]]
  }
  let losses = 0
  let hits = 0
  for (const { id: example, x, label, shard, shardDigest } of seen) {
    const answer = model.ask(x)
    const predicted = answer.probabilities.indexOf(Math.max(...answer.probabilities))
    const loss = -Math.log(Math.max(1e-12, answer.probabilities[label]))
    run.sample({
      step: step++,
      source: shard.source,
      shard: shard.name,
      shardDigest,
      id: example,
      label: String(label),
      predicted: String(predicted),
      loss,
      layer: 'hidden',
      activation: answer.activation,
    })
    const gradNorm = model.learn(x, label, answer)
    losses += loss
    if (predicted === label) hits++
    if (step % 64 !== 0) continue
    run.layer('hidden', answer.activation, answer.activation.length)
    run.progress({ loss, gradNorm })
  }
  run.progress({ accuracy: hits / seen.length })
  // A loop that never awaits gives nothing a chance to be sent.
  await telemetry.flush()
  console.log(`epoch ${epoch}: loss ${(losses / seen.length).toFixed(3)}, ${((100 * hits) / seen.length).toFixed(1)} % right`)
}
await telemetry.stop()
console.log(`run ${id}: ${step} examples told`)
