// Builds elements from text: nothing on this page is ever parsed as markup, so a tag in a DICOM header stays text.

/** Make an element; children are elements or texts, attributes with the value null or false are left out. */
export function el (name, attributes = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue
    if (key === 'class') made.className = value
    else if (key.startsWith('on')) made.addEventListener(key.slice(2), value)
    else made.setAttribute(key, value === true ? '' : value)
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false))
  return made
}

/** Make a heading inside a section that carries its name. */
export function section (title, ...children) {
  const id = `s-${title.toLowerCase().replace(/[^a-z]+/g, '-')}`
  return el('section', { 'aria-labelledby': id }, el('h2', { id }, title), ...children)
}

/** Show a refusal: what was found, the rule, the way out. */
export function problem (error) {
  return el('div', { class: 'problem', role: 'alert' }, el('p', {}, el('strong', {}, capital(error.what)), `: ${error.rule}.`),
    el('p', {}, `${capital(error.remedy)}.`))
}

/** Let a unit break after its slashes. */
export function breakable (text) {
  return text.split('/').flatMap((part, place) => place ? ['/', el('wbr'), part] : [part])
}

export function capital (text) {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** Tell those who cannot see the page. */
export function announce (text) {
  document.getElementById('announcer').textContent = text
}

export function size (bytes) {
  for (const [unit, one] of [['GB', 1e9], ['MB', 1e6], ['kB', 1e3]]) {
    if (bytes >= one) return `${(bytes / one).toFixed(bytes < 10 * one ? 1 : 0)} ${unit}`
  }
  return `${bytes} bytes`
}

export function when (stamp) {
  return new Date(stamp).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' })
}
