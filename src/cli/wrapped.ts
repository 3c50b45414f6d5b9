/** Lines of at most `width` characters, broken between words. */
export function wrapped(text: string, width: number): string[] {
  return text.match(new RegExp(`.{1,${width}}(?= |$)|\\S+`, 'g'))?.map((line) => line.trim()) ?? []
}
