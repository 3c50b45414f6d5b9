/**
 * A small network that really learns: one hidden layer of ReLU units, softmax, plain stochastic gradient descent. Stands for your model.
 * All randomness comes from `random` (uniform in [0, 1)), so that a run can be repeated.
 */
export function createPerceptron({ inputs, hidden, classes, rate, random }) {
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const w1 = Float64Array.from({ length: hidden * inputs }, () => normal() * Math.sqrt(2 / inputs))
  const w2 = Float64Array.from({ length: classes * hidden }, () => normal() * Math.sqrt(1 / hidden))
  const b1 = new Float64Array(hidden)
  const b2 = new Float64Array(classes)

  /** Answer to one input: hidden activation and the probabilities of the classes. */
  const ask = (x) => {
    const activation = new Float64Array(hidden)
    for (let h = 0; h < hidden; h++) {
      let sum = b1[h]
      for (let i = 0; i < inputs; i++) sum += w1[h * inputs + i] * x[i]
      activation[h] = Math.max(0, sum)
    }
    const scores = new Float64Array(classes)
    for (let c = 0; c < classes; c++) {
      let sum = b2[c]
      for (let h = 0; h < hidden; h++) sum += w2[c * hidden + h] * activation[h]
      scores[c] = sum
    }
    const highest = Math.max(...scores)
    const powers = scores.map((score) => Math.exp(score - highest))
    const total = powers.reduce((sum, power) => sum + power, 0)
    return { activation, probabilities: powers.map((power) => power / total) }
  }

  /** One step down the gradient of one example's loss. Gives the norm of the gradient. */
  const learn = (x, label, { activation, probabilities }) => {
    const slope = Float64Array.from(probabilities, (p, c) => p - (c === label ? 1 : 0))
    let squares = 0
    for (let h = 0; h < hidden; h++) {
      let back = 0
      for (let c = 0; c < classes; c++) {
        back += slope[c] * w2[c * hidden + h]
        const step = slope[c] * activation[h]
        w2[c * hidden + h] -= rate * step
        squares += step * step
      }
      if (activation[h] === 0) continue
      for (let i = 0; i < inputs; i++) {
        const step = back * x[i]
        w1[h * inputs + i] -= rate * step
        squares += step * step
      }
      b1[h] -= rate * back
    }
    for (let c = 0; c < classes; c++) b2[c] -= rate * slope[c]
    return Math.sqrt(squares)
  }

  /** All weights, for a federated client's update or a digest. */
  return { ask, learn, weights: [w1, b1, w2, b2] }
}
