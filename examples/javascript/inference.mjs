import { shutdown, watched } from './tidewatch.mjs'

// Stands for the client of your model.
const model = { chat: async (prompt) => ({ text: `You said: ${prompt}`, usage: { input: 12, output: 7 } }) }

for (const prompt of ['How long does a sourdough loaf rest?', 'And in a warm kitchen?']) {
  const answer = await watched(
    { user: 'user-42', model: 'my-model', prompt, temperature: 0.7 },
    () => model.chat(prompt),
    ({ usage }) => ({ inputTokens: usage.input, outputTokens: usage.output, finishReason: 'stop' }),
  )
  console.log(answer.text)
}
await shutdown()
