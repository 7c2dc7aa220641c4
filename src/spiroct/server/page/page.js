// The page's beginning: who may see it, and which view the address names.
import { ask } from './api.js'
import { el, problem } from './dom.js'
import { unexpected } from './failure.js'
import { hours, newScan } from './newscan.js'
import { resultView } from './result.js'
import { worklist } from './worklist.js'

const content = document.getElementById('content')
const leave = document.getElementById('leave')
let about = null
let stop = null
let turn = 0

/** Give the token of the address to the server once, and take it out of the address and the history. */
async function enter () {
  const token = /^#token=(.+)$/.exec(location.hash)?.[1]
  if (!token) return
  history.replaceState(null, '', '/#/')
  await ask('POST', '/api/session', { token: decodeURIComponent(token) })
}

async function start () {
  try {
    await enter()
    about = await ask('GET', '/api/about')
  } catch (failure) {
    if (failure.status === 401) locked(failure.error)
    else content.replaceChildren(problem(failure.error ?? unexpected(failure)))
    return
  }
  document.getElementById('ribbon').hidden = !about.demonstration
  document.getElementById('keeping').textContent = `Scans and results are deleted ${hours(about.keep_hours)} after they came. spiroct ${about.version}.`
  leave.hidden = false
  await show({ first: true })
}

/** Ask for the token where it is missing or wrong. */
function locked (error) {
  const trouble = el('div', {}, error.what.startsWith('this token') ? problem(error) : '')
  const form = el('form', { class: 'panel', autocomplete: 'off' }, trouble,
    el('label', {}, 'Token', el('small', {}, 'spiroct serve printed it as the end of the address'), el('br'), el('input', { name: 'token', type: 'password', required: true, maxlength: 1000, size: 46 })),
    el('p', {}, el('button', { class: 'main', type: 'submit' }, 'Open')))
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    try {
      await ask('POST', '/api/session', { token: form.elements.token.value.replace(/^.*#token=/, '').trim() })
      await start()
    } catch (failure) {
      trouble.replaceChildren(problem(failure.error ?? unexpected(failure)))
    }
  })
  content.replaceChildren(el('h1', {}, 'This page is locked'), form)
}

async function show ({ first = false } = {}) {
  const mine = ++turn
  stop?.()
  stop = null
  const path = location.hash.replace(/^#/, '') || '/'
  const [, id] = /^\/results\/([a-z0-9]{16})$/.exec(path) ?? []
  for (const link of document.querySelectorAll('nav a')) {
    const here = link.getAttribute('href') === (path.startsWith('/results') ? '#/results' : '#/')
    if (here) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  const place = el('div')
  content.replaceChildren(place)
  try {
    const ended = id ? await resultView(place, about, id) : path.startsWith('/results') ? await worklist(place) : await newScan(place, about)
    if (mine === turn) stop = ended ?? null
    else ended?.()
  } catch (failure) {
    if (failure.status === 401) return locked(failure.error)
    place.append(problem(failure.error ?? unexpected(failure)))
  }
  if (!first) content.querySelector('h1')?.focus()
}

addEventListener('hashchange', () => { if (about) show() })
document.querySelector('.skip').addEventListener('click', (event) => { event.preventDefault(); content.focus() })
leave.addEventListener('click', async () => {
  await ask('DELETE', '/api/session')
  location.reload()
})
// A scan that misses its place must not replace the page.
for (const kind of ['dragover', 'drop']) addEventListener(kind, (event) => event.preventDefault())
start()
