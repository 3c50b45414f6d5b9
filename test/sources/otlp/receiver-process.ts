import { Journal } from '../../../src/sources/journal/journal.ts'
import { startOtlpHttp } from '../../../src/sources/otlp/http.ts'
import { journalSink } from '../../../src/sources/otlp/journal-sink.ts'
import { OtlpReceiver } from '../../../src/sources/otlp/receiver.ts'

// A receiver over a journal, to be killed: `receiver-process.ts DIRECTORY FSYNC`. Says its port and waits.
const [directory, fsync] = process.argv.slice(2)
const journal = await Journal.open({
  directory: directory!,
  fsync: fsync as 'interval',
  fsyncInterval: 0.005,
  segmentBytes: 20_000,
  maxBytes: 2 ** 28,
})
const receiver = new OtlpReceiver(journalSink(journal), { maxInFlight: 64, keepBytes: 1000 })
const { port } = await startOtlpHttp({ host: '127.0.0.1', port: 0, receiver, maxRequestBytes: 2 ** 20 })
process.stdout.write(`${port}\n`)
