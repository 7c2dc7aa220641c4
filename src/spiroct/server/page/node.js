// The studies that a PACS node has received: what they ask for, and picking one.
import { ask } from './api.js'
import { el, problem, when } from './dom.js'
import { unexpected } from './failure.js'

const WORDS = {
  fetching: 'being fetched', receiving: 'being received', asking: 'asks', queued: 'waits', predicting: 'in progress', sending: 'results are being sent', done: 'done', failed: 'failed'
}

/** List the node's studies, or nothing without a node; pick(study) is called when one is chosen. */
export async function nodeStudies (pick) {
  const node = await ask('GET', '/api/node/studies')
  if (!node.connected) return null
  const place = el('section', { 'aria-labelledby': 'node' })
  const show = (found) => place.replaceChildren(el('h2', { id: 'node' }, 'Or pick a study that the node has received'), found.length ? table(found, pick, show) : el('p', { class: 'note' }, 'None yet.'))
  show(node.studies)
  return place
}

function table (studies, pick, show) {
  return el('table', { class: 'stack' }, el('caption', {}, 'The newest first. Names are not shown here; the end of the study’s UID tells it from the others.'),
    el('thead', {}, el('tr', {}, ['Study', 'Came', 'Slices', 'State', ''].map((text) => text ? el('th', { scope: 'col' }, text) : el('td')))),
    el('tbody', {}, studies.map((study) => el('tr', {},
      el('th', { scope: 'row', title: study.study_uid }, `…${study.study_uid.slice(-12)}`), el('td', { 'data-label': 'Came' }, when(study.received)),
      el('td', { 'data-label': 'Slices' }, study.instances), el('td', { 'data-label': 'State' }, WORDS[study.state], study.asked.length ? ` for ${study.asked.join(', ')}` : '', study.reason && el('small', {}, study.reason)),
      el('td', {}, study.there && el('button', { type: 'button', onclick: () => pick(study) }, 'Pick'), study.asked.length ? answer(study, show) : null)))))
}

/** A small form for what a study asks. */
function answer (study, show) {
  const trouble = el('div')
  const name = (field) => ({ sex: 'Sex', age: 'Age in years', height: 'Height in cm' }[field])
  const form = el('form', { autocomplete: 'off' }, study.asked.map((field) => el('label', {}, name(field), ' ', field === 'sex'
    ? el('select', { name: 'sex' }, el('option', { value: 'F' }, 'female'), el('option', { value: 'M' }, 'male'))
    : el('input', { name: field, type: 'number', step: 'any', min: 0, required: true }))), trouble, el('button', { type: 'submit' }, 'Answer the node'))
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const told = Object.fromEntries(study.asked.map((field) => [field, field === 'sex' ? form.elements.sex.value : Number(form.elements[field].value)]))
    try {
      await ask('POST', `/api/node/studies/${study.study_uid}/answer`, told)
      show((await ask('GET', '/api/node/studies')).studies)
    } catch (failure) {
      trouble.replaceChildren(problem(failure.error ?? unexpected(failure)))
    }
  })
  return form
}
