import type { Random } from '../../../src/sketches/random.ts'
import type { Picture } from './drawn-digits.ts'

/** What a network says of one picture: the last hidden layer, and the probabilities of the classes. */
export interface Answer {
  readonly activation: Float32Array
  readonly probabilities: Float32Array
}

export interface Example {
  readonly picture: Picture
  readonly label: number
}

/** Fully connected layers, ReLU between them, softmax at the end; plain stochastic gradient descent on the cross entropy. */
export class Network {
  readonly #sizes: readonly number[]
  /** Of each layer the weights, row by row, and the biases. */
  readonly parameters: Float32Array[]
  readonly #values: Float32Array[]
  readonly #slopes: Float32Array[]

  constructor(sizes: readonly number[], random: Random) {
    this.#sizes = sizes
    this.#values = sizes.map((size) => new Float32Array(size))
    this.#slopes = sizes.map((size) => new Float32Array(size))
    this.parameters = sizes.slice(1).flatMap((size, layer) => {
      const inputs = sizes[layer]!
      const deviation = Math.sqrt(2 / inputs)
      return [Float32Array.from({ length: size * inputs }, () => deviation * random.normal()), new Float32Array(size)]
    })
  }

  ask(picture: Picture): Answer {
    const last = this.#sizes.length - 1
    this.#forward(picture)
    const scores = this.#values[last]!
    const highest = scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY)
    const powers = scores.map((score) => Math.exp(score - highest))
    const total = powers.reduce((sum, power) => sum + power, 0)
    return { activation: this.#values[last - 1]!.slice(), probabilities: powers.map((power) => power / total) }
  }

  /** One step down the mean gradient of a batch; `tell` hears what the network said before it. */
  learn(batch: readonly Example[], rate: number, tell?: (index: number, answer: Answer) => void): void {
    const gradients = this.parameters.map((values) => new Float32Array(values.length))
    for (const [index, { picture, label }] of batch.entries()) {
      const answer = this.ask(picture)
      tell?.(index, answer)
      this.#backward(answer.probabilities, label, gradients)
    }
    const step = rate / batch.length
    for (const [layer, values] of this.parameters.entries()) {
      const gradient = gradients[layer]!
      for (let i = 0; i < values.length; i++) values[i] = values[i]! - step * gradient[i]!
    }
  }

  #forward(picture: Picture): void {
    this.#values[0]!.set(picture)
    for (let layer = 1; layer < this.#sizes.length; layer++) {
      const [weights, biases] = [this.parameters[2 * layer - 2]!, this.parameters[2 * layer - 1]!]
      const [inputs, outputs] = [this.#values[layer - 1]!, this.#values[layer]!]
      for (let j = 0; j < outputs.length; j++) {
        let sum = biases[j]!
        const row = j * inputs.length
        for (let i = 0; i < inputs.length; i++) sum += weights[row + i]! * inputs[i]!
        outputs[j] = layer < this.#sizes.length - 1 && sum < 0 ? 0 : sum
      }
    }
  }

  #backward(probabilities: Float32Array, label: number, gradients: readonly Float32Array[]): void {
    const last = this.#sizes.length - 1
    this.#slopes[last]!.set(probabilities)
    this.#slopes[last]![label] = this.#slopes[last]![label]! - 1
    for (let layer = last; layer > 0; layer--) {
      const [slopes, inputs, before] = [this.#slopes[layer]!, this.#values[layer - 1]!, this.#slopes[layer - 1]!]
      const [weights, gradient, biases] = [this.parameters[2 * layer - 2]!, gradients[2 * layer - 2]!, gradients[2 * layer - 1]!]
      before.fill(0)
      for (let j = 0; j < slopes.length; j++) {
        const slope = slopes[j]!
        if (slope === 0) continue
        biases[j] = biases[j]! + slope
        const row = j * inputs.length
        for (let i = 0; i < inputs.length; i++) {
          const input = inputs[i]!
          if (input === 0) continue
          gradient[row + i] = gradient[row + i]! + slope * input
          if (layer > 1) before[i] = before[i]! + slope * weights[row + i]!
        }
      }
    }
  }
}
