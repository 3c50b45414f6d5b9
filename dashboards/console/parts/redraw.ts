/** Tells of a picture's new size, and of another theme, whose colours it was not drawn in. Returns what ends it. */
export function onRedraw(node: Element, resized: () => void, themed: () => void): () => void {
  const size = new ResizeObserver(resized)
  size.observe(node)
  const scheme = matchMedia('(prefers-color-scheme: dark)')
  scheme.addEventListener('change', themed)
  return () => {
    size.disconnect()
    scheme.removeEventListener('change', themed)
  }
}
