import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Session } from 'chdb'
import { type Fault, Faults } from './faults.ts'
import { serve } from './serve.ts'

/** What the test process asks for; every message is answered by `{ id, result }`. */
export type Call =
  | { readonly call: 'listen'; readonly port: number }
  | { readonly call: 'stopListening' }
  | { readonly call: 'fault'; readonly fault: Fault }
  | { readonly call: 'clear' }
  | { readonly call: 'left' }

const faults = new Faults()
const session = new Session(process.argv[2]!)
let server: Server | null = null

async function perform(message: Call): Promise<unknown> {
  switch (message.call) {
    case 'listen': {
      const started = serve(session, faults)
      server = started
      await new Promise<void>((resolve, reject) => started.once('error', reject).listen(message.port, '127.0.0.1', resolve))
      return (started.address() as AddressInfo).port
    }
    case 'stopListening': {
      const stopped = server
      server = null
      stopped?.closeAllConnections()
      return new Promise((resolve) => (stopped ? stopped.close(() => resolve(null)) : resolve(null)))
    }
    case 'fault':
      return faults.add(message.fault)
    case 'clear':
      return faults.clear()
    case 'left':
      return faults.left()
  }
}

process.on('message', ({ id, ...message }: Call & { id: number }) => {
  perform(message as Call).then(
    (result) => process.send?.({ id, result: result ?? null }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  )
})
// The test process ended, however it did.
process.on('disconnect', () => process.exit(0))
process.send?.({ id: 0, result: null })
