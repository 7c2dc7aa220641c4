// The list of results of this server.
import { ask } from './api.js'
import { el, when } from './dom.js'

const WORDS = { waiting: 'waiting', running: 'in progress', done: 'done', refused: 'refused', failed: 'failed' }

/** Show the list; returns a function that stops it from asking again. */
export async function worklist (place) {
  const body = el('tbody')
  const none = el('p', {}, 'No results yet. ', el('a', { href: '#/' }, 'Drop a scan'), '.')
  const table = el('table', { class: 'stack' },
    el('caption', {}, 'Scans of this server, the newest first. Scan and result are deleted when their time is over.'),
    el('thead', {}, el('tr', {}, ...['Result', 'Came', 'State', 'Patient', 'Deleted on'].map((text) => el('th', { scope: 'col' }, text)))), body)
  place.append(el('h1', { tabindex: -1 }, 'Results'), el('section', { 'aria-label': 'List of results' }, none, table))
  const show = async () => {
    const results = await ask('GET', '/api/results')
    none.hidden = results.length > 0
    table.hidden = !results.length
    body.replaceChildren(...results.map(row))
  }
  await show()
  const timer = setInterval(() => show().catch(() => null), 3000) // the next one tells if the server is gone for good
  return () => clearInterval(timer)
}

function row (result) {
  const { facts } = result
  const person = [facts.sex && { F: 'female', M: 'male' }[facts.sex], facts.age && `${Math.round(facts.age)} years`].filter(Boolean)
  return el('tr', {},
    el('th', { scope: 'row' }, el('a', { href: `#/results/${result.id}` }, result.label || facts.scan_id || `Scan ${result.id.slice(0, 6)}`),
      result.label && facts.scan_id && el('small', {}, facts.scan_id)),
    el('td', { 'data-label': 'Came' }, when(result.created)),
    el('td', { 'data-label': 'State' }, WORDS[result.state], facts.demonstration && [' ', el('span', { class: 'tag' }, 'demonstration')],
      el('small', {}, result.error ? result.error.what : facts.quality ?? result.stage ?? '')),
    el('td', { 'data-label': 'Patient' }, person.join(', ') || '–'),
    el('td', { 'data-label': 'Deleted on' }, when(result.expires)))
}
