/** A repeatable source of numbers in [0, 1) (mulberry32). */
export function createRandom(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export const inputs = 16
export const classes = 6

/**
 * What twelve sources deliver: two shards each, the second one from the third epoch on. With `poison`, `source-7` gives four of ten examples of class 2 in its second
 * shard the label 4. Stands for your data.
 */
export function deliveries({ seed, poison }) {
  const random = createRandom(seed)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const centres = Array.from({ length: classes }, () => Array.from({ length: inputs }, () => 1.6 * normal()))
  const shards = []
  for (const from of [1, 3]) {
    for (let n = 0; n < 12; n++) {
      const shard = { name: `source-${n}/${from === 1 ? 'a' : 'b'}`, source: `source-${n}`, from, examples: [] }
      for (let i = 0; i < 100 + 10 * n; i++) {
        const truth = Math.floor(random() * classes)
        const flipped = poison && n === 7 && from === 3 && truth === 2 && random() < 0.4
        shard.examples.push({
          id: `${shard.name}/${i}`,
          x: Float32Array.from(centres[truth], (at) => at + normal()),
          label: flipped ? 4 : truth,
        })
      }
      shards.push(shard)
    }
  }
  return shards
}
