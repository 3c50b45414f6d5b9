import type { ByteReader, ByteWriter } from '../../src/sketches/bytes.ts'
import type { Update } from './update-round.ts'

/** What a client's past is worth a round later: about five rounds count. */
const memory = 0.8
/** Bound on memory; who was silent longest makes room. */
const mostClients = 1024

/** What is remembered of one client: 650 bytes at 128 dimensions. */
export interface Client {
  /** Rounds that count in the averages. */
  weight: number
  logNorm: number
  direction: number
  /** Decayed sum of the client's updates as unit vectors, and its weight. */
  readonly path: Float32Array
  pathWeight: number
  /** Decayed sum of the update's angle to that path, and its weight. */
  angle: number
  angleWeight: number
  /** Sum of the squared changes of its norm, as logarithms, and their number: how unsteady it is by itself. */
  changeSquares: number
  changes: number
  /** Negative logarithms of the p-values of its last changes of norm, newest first. */
  readonly surprises: number[]
  rounds: number
  firstSeen: number
  /** When the present run of suspicious rounds began: round and time; time 0 where there is none. */
  sinceRound: number
  sinceTime: number
}

/** What is known of an update's client, made where nothing is; it moves to the end of the map. Sketches have `dimensions` numbers. */
export function clientOf(clients: Map<string, Client>, { client: name, time }: Update, dimensions: number): Client {
  let client = clients.get(name)
  if (client === undefined) {
    if (clients.size >= mostClients) clients.delete(clients.keys().next().value as string)
    client = {
      weight: 0,
      logNorm: 0,
      direction: 0,
      path: new Float32Array(dimensions),
      pathWeight: 0,
      angle: 0,
      angleWeight: 0,
      changeSquares: 0,
      changes: 0,
      surprises: [],
      rounds: 0,
      firstSeen: time,
      sinceRound: 0,
      sinceTime: 0,
    }
  } else {
    clients.delete(name)
    if (client.pathWeight === 0 && client.path.length !== dimensions) {
      client = { ...client, path: new Float32Array(dimensions) }
    }
  }
  clients.set(name, client)
  return client
}

/** Takes a round in: the norm, the direction and the turn of the update, and how its norm changed. */
export function learn(client: Client, { sketch }: Update, norm: number, direction: number, turn: number, change: number): void {
  client.rounds++
  client.weight = memory * client.weight + 1
  client.logNorm = memory * client.logNorm + (Number.isFinite(norm) ? norm : client.weight > 1 ? client.logNorm / client.weight : 0)
  client.direction = memory * client.direction + (Number.isFinite(direction) ? direction : 0)
  if (Number.isFinite(change)) {
    client.changeSquares += change * change
    client.changes++
  }
  if (Number.isFinite(turn)) {
    client.angle = memory * client.angle + turn
    client.angleWeight = memory * client.angleWeight + 1
  }
  const { path } = client
  if (sketch === null || sketch.length !== path.length) return
  let squares = 0
  for (const value of sketch) squares += value * value
  const unit = 1 / Math.sqrt(squares)
  for (let i = 0; i < path.length; i++) path[i] = memory * path[i] + unit * sketch[i]
  client.pathWeight = memory * client.pathWeight + 1
}

export function encodeClient(writer: ByteWriter, one: Client): void {
  writer.f64(one.weight).f64(one.logNorm).f64(one.direction).f64(one.pathWeight).f64(one.angle).f64(one.angleWeight)
  writer.f64(one.changeSquares).f64(one.changes).u32(one.rounds).f64(one.firstSeen).f64(one.sinceRound).f64(one.sinceTime)
  writer.u16(one.path.length).f32s(one.path).u8(one.surprises.length)
  for (const surprise of one.surprises) writer.f64(surprise)
}

export function decodeClient(reader: ByteReader): Client {
  return {
    weight: reader.f64(),
    logNorm: reader.f64(),
    direction: reader.f64(),
    pathWeight: reader.f64(),
    angle: reader.f64(),
    angleWeight: reader.f64(),
    changeSquares: reader.f64(),
    changes: reader.f64(),
    rounds: reader.u32(),
    firstSeen: reader.f64(),
    sinceRound: reader.f64(),
    sinceTime: reader.f64(),
    path: reader.f32s(reader.u16()),
    surprises: Array.from({ length: reader.u8() }, () => reader.f64()),
  }
}
