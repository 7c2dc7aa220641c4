// One result: its progress, why it was refused, or what was found.
import { ask } from './api.js'
import { announce, el, problem, section, when } from './dom.js'
import { findings } from './findings.js'
import { unexpected } from './failure.js'
import { hours } from './newscan.js'
import { personFields, personOf } from './person.js'
import { showScan } from './viewer.js'

const EVERY_MS = 700

/** Show a result; returns a function that stops what goes on. */
export async function resultView (place, about, id) {
  const address = `/api/results/${id}`
  const body = el('div')
  const heading = el('h1', { tabindex: -1 }, 'Result')
  place.append(heading, body)
  let timer = null
  let stopped = false
  let viewer = null

  const show = async () => {
    const result = await ask('GET', address)
    if (stopped) return
    heading.textContent = result.label || (result.state === 'done' ? 'Lung function from chest CT' : `Scan ${id.slice(0, 6)}`)
    if (result.state === 'waiting' || result.state === 'running') {
      progress(body, result)
      timer = setTimeout(() => show().catch(fail), EVERY_MS)
      return
    }
    if (result.state === 'done') {
      const summary = await ask('GET', `${address}/summary`)
      if (stopped) return
      announce('The result is there')
      const screen = el('div')
      body.replaceChildren(...findings(result, summary, screen), corrections(result))
      viewer = await showScan(screen, result, summary)
      if (stopped) viewer?.close()
    } else {
      body.replaceChildren(problem(result.error), result.overridable && override(result) || '', corrections(result))
    }
  }
  const fail = (failure) => { if (!stopped) body.replaceChildren(problem(failure.error ?? unexpected(failure))) }
  const again = async (person) => {
    viewer?.close()
    viewer = null
    await ask('POST', `${address}/again`, person)
    body.replaceChildren()
    await show()
  }

  const override = (result) => el('section', { 'aria-label': 'Going on all the same' },
    el('p', {}, 'Numbers of a scan that fails a check may be wrong. If you go on, every page and file of the result says what was overridden.'),
    el('button', { type: 'button', onclick: () => again({ ...result.request, force: true }).catch(fail) }, 'Go on all the same'))

  const corrections = (result) => {
    const trouble = el('div')
    const form = el('form', { autocomplete: 'off' }, personFields(result.request), trouble,
      el('div', { class: 'actions' }, el('button', { type: 'submit' }, 'Estimate again'),
        el('button', {
          type: 'button',
          class: 'danger',
          onclick: async () => {
            if (!confirm('Delete this scan and its result now?')) return
            await ask('DELETE', address).catch(fail)
            location.hash = '#/results'
          }
        }, 'Delete scan and result')))
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      again({ ...personOf(form), force: result.request.force }).catch((failure) => trouble.replaceChildren(problem(failure.error ?? unexpected(failure))))
    })
    return section('Correct or delete', el('p', { class: 'note' }, `Came ${when(result.created)}; scan and result are deleted ${when(result.expires)}, ${hours(about.keep_hours)} later.`), form)
  }

  await show()
  return () => { stopped = true; clearTimeout(timer); viewer?.close() }
}

function progress (body, result) {
  const at = result.stages.indexOf(result.stage)
  const text = result.state === 'waiting' ? (result.ahead ? `Waiting; ${result.ahead} before this one` : 'Waiting') : result.stage ?? 'Starting'
  if (body.dataset.told !== text) announce(text)
  body.dataset.told = text
  const seconds = result.started ? Math.max(0, Math.round((Date.now() - new Date(result.started)) / 1000)) : 0
  body.replaceChildren(el('section', { 'aria-label': 'Progress' },
    el('p', {}, el('strong', {}, text), result.started ? ` · ${seconds} s` : ''),
    el('ol', { class: 'stages' }, result.stages.map((stage, number) =>
      el('li', { class: number < at ? 'done' : number === at ? 'now' : null, 'aria-current': number === at ? 'step' : null }, stage,
        number < at && el('span', { class: 'hidden' }, ', done')))),
    el('p', { class: 'note' }, 'You may leave this page; the result stands in the list.')))
}
