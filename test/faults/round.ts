import { setTimeout as sleep } from 'node:timers/promises'
import { yesterday } from '../integrity/watching.ts'
import { type ReceivedWebhook, startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'
import type { Broken } from './broken.ts'
import type { Deployment, Target } from './deployment.ts'
import { EPISODE_LENGTH, episode, type Sent } from './episodes.ts'
import { deploy, groundOf } from './grounds.ts'
import type { Orders } from './inside.ts'
import { ask } from './instance.ts'
import { type Member, startMember } from './member.ts'
import { type Ground, type Shape, type Step, scheduleOf } from './schedule.ts'

export interface RoundOptions {
  readonly target: Target
  readonly seed: number
  readonly kills: number
  /** Instead of those that the seed gives. */
  readonly steps?: readonly Step[]
  /** A protection that the processes go without. */
  readonly broken?: Broken | null
  readonly onStep?: (step: Step) => void
}

export interface RoundResult {
  /** What differs from an undisturbed run, a line each. */
  readonly differences: readonly string[]
  /** Kills by point; `between` are those from outside. */
  readonly kills: Readonly<Record<string, number>>
  readonly steps: readonly Step[]
  /** Requests that were sent. */
  readonly requests: number
  readonly rows: Readonly<Record<string, number>>
  readonly received: readonly ReceivedWebhook[]
}

/** Most episodes that a step waits for its point. Every point comes once an episode, or once a checkpoint; not before a member has joined its group. */
const MOST_EPISODES = { alone: 5, inGroup: 16 }
/** Milliseconds between two episodes where the log takes them faster than they are worked on. */
const BETWEEN_EPISODES = 500

/** Runs the schedule of a seed and compares what is stored and sent with an undisturbed run over the same log of record. */
export async function runRound({ target, seed, kills, steps: given, broken = null, onStep }: RoundOptions): Promise<RoundResult> {
  const ground = groundOf(target)
  const receiver = await startWebhookReceiver()
  const deployment = await deploy(target, receiver.url, seed)
  const round = new Round(ground, deployment, receiver, broken)
  try {
    const steps = given ?? scheduleOf(ground, seed, kills)
    for (const step of steps) {
      onStep?.(step)
      await round.take(step)
    }
    await round.end()
    const { differences, webhooks, rows } = await deployment.compare()
    return {
      differences: [...round.faults, ...differences, ...(webhooks ? misses(receiver.received, webhooks) : [])],
      kills: Object.fromEntries(round.kills),
      steps,
      requests: round.requests,
      rows,
      received: receiver.received,
    }
  } finally {
    await round.abandon()
    await deployment.close()
    await receiver.close()
  }
}

/** What is wrong with the webhooks that came: every one must have come, accepted, always under one id with one body. A receiver drops what it has seen. */
export function misses(received: readonly ReceivedWebhook[], expected: ReadonlyMap<string, string>): string[] {
  const accepted = new Map<string, string>()
  for (const { id, body, answer } of received) {
    if (expected.get(id) !== body)
      return [`webhooks: ${id} came with ${expected.has(id) ? 'another body' : 'no alert behind it'}: ${body.slice(0, 300)}`]
    if (answer === 'accept' || answer === 'slow') accepted.set(id, body)
  }
  return [...expected.keys()].filter((id) => !accepted.has(id)).map((id) => `webhooks: ${id} never came`)
}

/** The processes of a round and how far its log has come. */
class Round {
  readonly kills = new Map<string, number>()
  readonly faults: string[] = []
  private readonly broken: Broken | null
  private readonly deployment: Deployment
  private readonly receiver: WebhookReceiver
  private readonly members: (Member | null)[]
  private readonly shifts: number[]
  private readonly start = yesterday()
  private readonly unsent: Sent[] = []
  private episodes = 0
  private sent = 0

  constructor({ members }: Ground, deployment: Deployment, receiver: WebhookReceiver, broken: Broken | null) {
    this.broken = broken
    this.deployment = deployment
    this.receiver = receiver
    this.members = Array<null>(members).fill(null)
    this.shifts = Array<number>(members).fill(0)
  }

  get requests(): number {
    return this.sent
  }

  async take(step: Step): Promise<void> {
    const { server, cluster } = this.deployment
    switch (step.do) {
      case 'feed':
        await this.up()
        return this.feed(step.requests, step.shape)
      case 'kill': {
        const at = { point: step.point, nth: step.nth, action: 'kill' } as const
        if (step.begin) await this.kill(step.member, 'between')
        const member = await this.ordered(step.member, { at })
        return this.until(step.member, member, step.point)
      }
      case 'kill between': {
        const member = await this.ordered(step.member, {})
        const past = () => sum(member.reached)
        const from = past()
        const watch = setInterval(() => past() - from >= step.points && member.kill('SIGKILL'), 1)
        await this.until(step.member, member, 'between')
        return clearInterval(watch)
      }
      case 'stop': {
        const member = await this.ordered(step.member, {})
        await this.stop(member)
        return
      }
      case 'freeze': {
        const member = await this.ordered(step.member, { at: { point: step.point, nth: step.nth, action: 'freeze' } })
        const feeding = this.feed(EPISODE_LENGTH, 'in order')
        const frozen = await Promise.race([member.frozen(), feeding.then(() => sleep(1000, null))])
        if (frozen !== null) await sleep(step.milliseconds)
        member.order({ at: null })
        member.kill('SIGCONT')
        return feeding
      }
      case 'acknowledge': {
        await this.up()
        return this.acknowledge()
      }
      case 'replay': {
        const [member] = await this.up()
        await ask(member!, 'dead-letters/replay', { since: '2020-01-01T00:00:00Z', limit: step.letters })
        return
      }
      case 'clock':
        this.shifts[step.member] = step.shift
        this.members[step.member]?.order({ clock: step.shift })
        return
      case 'receiver':
        return this.receiver.behave(step.behaviour, step.times)
      case 'store':
        return server?.fault(step.fault)
      case 'store away':
        await this.up()
        await server?.down()
        await this.feed(step.requests, 'in order')
        return server?.up()
      case 'store crash':
        return server?.crash()
      case 'broker':
        await this.up()
        await cluster?.kill(step.broker)
        // Nothing may be taken while it is away: the producer waits, and so do the requests behind.
        await Promise.all([this.feed(step.requests, 'in order'), sleep(step.milliseconds).then(() => cluster?.restart(step.broker))])
        return
    }
  }

  /** Nothing goes wrong any more: everything arrives, and all processes end in good order. */
  async end(): Promise<void> {
    await this.deployment.server?.clearFaults()
    await this.up()
    await this.feed(EPISODE_LENGTH, 'in order')
    await this.acknowledge()
    const members = await this.up()
    await this.deployment.settled(members)
    for (const member of members) await this.stop(member)
  }

  async abandon(): Promise<void> {
    for (const member of this.members) {
      member?.kill('SIGKILL')
      await member?.ended
    }
  }

  /** All members, those that are down started again. */
  private async up(): Promise<Member[]> {
    return Promise.all(this.members.map((_, index) => this.ordered(index, {})))
  }

  private async ordered(index: number, orders: Orders): Promise<Member> {
    const all: Orders = { clock: this.shifts[index]!, ...orders }
    let member = this.members[index]
    if (member?.alive()) {
      member.order(all)
      return member
    }
    for (let tries = 1; ; tries++) {
      const { directory, config, args } = this.deployment.settings(index)
      member = await startMember(directory, config, all, { args, broken: this.broken })
      this.members[index] = member
      if (await member.watching) return member
      const { code, signal } = await member.ended
      // Came to its point before it watched.
      if (signal === 'SIGKILL') return member
      // A store that does not answer at the start: whoever supervises starts it again.
      if (tries > 20 || code !== 1 || !/TW_STORE_UNAVAILABLE/.test(member.said()))
        throw new Error(`it did not start (${code}): ${member.said()}`)
    }
  }

  /** Feeds until a member was killed as ordered, and counts the kill. One that does not come to its point is killed where it is. */
  private async until(index: number, member: Member, point: string): Promise<void> {
    const inGroup = this.members.length > 1
    const limit = this.sent + EPISODE_LENGTH * (inGroup ? MOST_EPISODES.inGroup : MOST_EPISODES.alone)
    for (let fed = 1; member.alive() && this.sent < limit; fed++) {
      await this.feed(1, 'in order')
      if (inGroup && fed % EPISODE_LENGTH === 0) await Promise.race([member.ended, sleep(BETWEEN_EPISODES)])
      // Actions are in the log only where somebody acts.
      if (fed % EPISODE_LENGTH === EPISODE_LENGTH / 2) await this.acknowledge()
    }
    if (member.alive()) {
      // What was sent last may still be on its way to the point.
      await Promise.race([member.ended, sleep(1000)])
    }
    if (member.alive()) return this.kill(index, 'between')
    await member.ended
    this.count(point === '*' ? 'any' : point)
  }

  private async kill(index: number, name: string): Promise<void> {
    const member = this.members[index]
    if (!member?.alive()) return
    member.kill('SIGKILL')
    await member.ended
    this.count(name)
  }

  private count(name: string): void {
    this.kills.set(name, (this.kills.get(name) ?? 0) + 1)
  }

  private async stop(member: Member): Promise<void> {
    member.order({ at: null })
    member.kill('SIGTERM')
    const { code, signal } = await member.ended
    if (code !== 0) this.faults.push(`an orderly stop ended with ${code ?? signal}: ${member.said().slice(-600)}`)
  }

  /** Sends the next requests of the log. What was not answered is sent again, now or with the next step where nobody is there any more. */
  private async feed(count: number, shape: Shape): Promise<void> {
    while (this.unsent.length < count) this.unsent.push(...episode(this.episodes++, this.start))
    const next = this.unsent.splice(0, count)
    const shaped =
      shape === 'twice'
        ? next.flatMap((each) => [each, each])
        : shape === 'backwards'
          ? next.reverse()
          : shape === 'late'
            ? [...next.slice(1), next[0]!]
            : next
    while (shaped.length > 0) {
      const alive = this.members.filter((member) => member?.alive()) as Member[]
      if (alive.length === 0) break
      if (await this.deployment.send(shaped[0]!, alive)) {
        shaped.shift()
        this.sent++
      } else {
        await sleep(20)
      }
    }
    this.unsent.unshift(...shaped)
  }

  private async acknowledge(): Promise<void> {
    const alert = this.receiver.received.at(-1)
    const member = this.members.find((each) => each?.alive())
    if (alert && member) await ask(member, `incidents/${(JSON.parse(alert.body) as { incident: string }).incident}/acknowledge`, {})
  }
}

const sum = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((total, count) => total + count, 0)

/** The line that runs a round again. */
export function again({ target, seed, kills }: Pick<RoundOptions, 'target' | 'seed' | 'kills'>): string {
  return `npm run soak -- --target ${target} --seed ${seed} --kills ${kills} --round ${kills}`
}
