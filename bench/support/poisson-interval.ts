/** Exact two-sided 95 % interval of a Poisson mean of which `count` events were seen (Garwood 1936), by bisection. */
export function poissonInterval(count: number): readonly [number, number] {
  const low = count === 0 ? 0 : meanWhere(count - 1, 0.975)
  return [low, meanWhere(count, 0.025)]
}

/** The mean at which P(X <= count) is `probability`. */
function meanWhere(count: number, probability: number): number {
  let low = 0
  let high = 2 * count + 20
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (atMost(count, middle) > probability) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** P(X <= count) for a Poisson variable; terms by their logarithms, so that large means do not underflow. */
function atMost(count: number, mean: number): number {
  let logTerm = -mean
  let sum = Math.exp(logTerm)
  for (let k = 1; k <= count; k++) {
    logTerm += Math.log(mean / k)
    sum += Math.exp(logTerm)
  }
  return sum
}
