import { formatTime } from './format.js'

/**
 * Text reaches the page as text only, never as markup: names in telemetry are written by strangers.
 * @param {string} tag
 * @param {string} className
 * @param {(string | Node)[]} children
 */
export function element(tag, className, ...children) {
  const node = document.createElement(tag)
  if (className) node.className = className
  node.append(...children)
  return node
}

/** @param {string} iso */
export function time(iso) {
  const node = element('time', '', formatTime(iso))
  node.setAttribute('datetime', iso)
  return node
}

/** @param {[string, string | Node][]} entries */
export function pairs(entries) {
  return element('dl', 'pairs', ...entries.flatMap(([name, value]) => [element('dt', '', name), element('dd', '', value)]))
}
