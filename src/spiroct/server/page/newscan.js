// The first view: drop a scan, say whose it is.
import { ask } from './api.js'
import { announce, el, problem, size } from './dom.js'
import { unexpected } from './failure.js'
import { demonstration } from './findings.js'
import { nodeStudies } from './node.js'
import { personFields, personOf } from './person.js'
import { dropped, send, usable } from './upload.js'

/** Show the form; about is what the server tells of itself. */
export async function newScan (place, about) {
  let files = []
  let study = null
  const chosen = el('p', { class: 'chosen', role: 'status' })
  const trouble = el('div')
  const start = el('button', { type: 'submit', class: 'main' }, 'Estimate lung function')
  const bar = el('progress', { max: 100, value: 0, hidden: true, 'aria-label': 'Sending the scan' })

  const take = (list, from) => {
    study = null
    files = usable(list)
    const bytes = files.reduce((sum, file) => sum + file.size, 0)
    chosen.textContent = files.length ? `${from}: ${files.length === 1 ? '1 file' : `${files.length} files`}, ${size(bytes)}` : 'No files were found there.'
    trouble.replaceChildren()
  }
  const picker = (label, attributes) => {
    const input = el('input', { type: 'file', class: 'hidden', tabindex: -1, 'aria-hidden': 'true', ...attributes, onchange: () => take([...input.files], 'Chosen') })
    return [el('button', { type: 'button', onclick: () => input.click() }, label), input]
  }
  const folders = 'webkitdirectory' in document.createElement('input') && !matchMedia('(pointer: coarse)').matches
  const drop = el('div', { class: 'drop' },
    el('p', {}, el('strong', {}, 'Drop a chest CT here'), ': a DICOM folder, a zip of one, or a NIfTI file.'),
    el('div', { class: 'actions' },
      folders ? picker('Choose a DICOM folder', { webkitdirectory: true }) : [],
      picker('Choose a zip or image file', { accept: '.zip,.nii,.gz,.mha,.nrrd,.dcm' })),
    el('p', { class: 'note' }, `At most ${size(about.most_bytes)}. It stays on this server, and is deleted ${hours(about.keep_hours)} after it came.`),
    chosen)
  for (const kind of ['dragenter', 'dragover']) {
    drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add('over') })
  }
  for (const kind of ['dragleave', 'drop']) drop.addEventListener(kind, () => drop.classList.remove('over'))
  drop.addEventListener('drop', async (event) => {
    event.preventDefault()
    take(await dropped(event.dataTransfer), 'Dropped')
  })

  const form = el('form', { class: 'panel', autocomplete: 'off' },
    drop, personFields(),
    el('div', { class: 'fields' }, el('label', {}, 'Label in the list of results (optional)',
      el('small', {}, 'a study pseudonym, never a name'), el('input', { name: 'label', maxlength: 80 }))),
    trouble, el('div', { class: 'actions' }, start), bar)
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    if (!files.length && !study) {
      trouble.replaceChildren(problem({ what: 'no scan', rule: 'lung function is estimated from a chest CT', remedy: 'drop a scan or choose one first' }))
      return
    }
    start.disabled = true
    bar.hidden = false
    trouble.replaceChildren()
    announce('Sending the scan')
    try {
      const asked = { label: form.elements.label.value, ...personOf(form) }
      const result = study
        ? await ask('POST', `/api/node/studies/${study.study_uid}/results`, asked)
        : await ask('POST', '/api/results', { upload: await send(files, about, (sent, all) => { bar.value = 100 * sent / all }), ...asked })
      location.hash = `#/results/${result.id}`
    } catch (failure) {
      trouble.replaceChildren(problem(failure.error ?? unexpected(failure)))
      start.disabled = false
      bar.hidden = true
    }
  })
  place.append(el('h1', { tabindex: -1 }, 'Lung function from chest CT'),
    el('p', {}, 'Estimates DLCO, FEV1, FVC and TLC from one scan, beside reference values, lung volumes and checks of the scan.'), about.demonstration && demonstration('a patient') || '', form)
  const node = await nodeStudies((picked) => {
    study = picked
    files = []
    chosen.textContent = `Picked: study …${picked.study_uid.slice(-12)}, ${picked.instances} slices`
    chosen.scrollIntoView({ block: 'center' })
    start.focus()
  })
  if (node) place.append(node)
}

export function hours (number) {
  return number === 1 ? 'one hour' : `${number} hours`
}
