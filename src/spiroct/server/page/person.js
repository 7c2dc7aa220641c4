// The form that asks whose scan it is.
import { el } from './dom.js'

const NUMBERS = ['age', 'height', 'dlco', 'fev1', 'fvc', 'tlc']

function number (name, label, hint, step = 'any') {
  return el('label', {}, label, el('small', { id: `${name}-hint` }, hint),
    el('input', { name, type: 'number', step, min: 0, inputmode: 'decimal', autocomplete: 'off', 'aria-describedby': `${name}-hint` }))
}

function choice (name, label, hint, options) {
  return el('label', {}, label, hint && el('small', {}, hint),
    el('select', { name, autocomplete: 'off' }, options.map(([value, text]) => el('option', { value }, text))))
}

/** Make the fields for sex, age, height and measured lung function, filled with what was asked before. */
export function personFields (before = {}) {
  const fields = [
    el('div', { class: 'fields' },
      choice('sex', 'Sex', 'empty: from the DICOM header', [['', 'from the header'], ['F', 'female'], ['M', 'male']]),
      number('age', 'Age in years', 'empty: from the DICOM header'),
      number('height', 'Height in cm', 'rarely in the header; without it there are no predicted values')),
    el('details', { open: ['dlco', 'fev1', 'fvc', 'tlc'].some((name) => before[name] != null) },
      el('summary', {}, 'Measured lung function, to set beside the estimates (optional)'),
      el('div', { class: 'fields' },
        number('dlco', 'DLCO', 'in the unit beside'),
        choice('dlco_unit', 'Unit of DLCO', 'as your laboratory gives it', [['mmol/min/kPa', 'mmol/min/kPa'], ['mL/min/mmHg', 'mL/min/mmHg']]),
        number('fev1', 'FEV1', 'L'), number('fvc', 'FVC', 'L'), number('tlc', 'TLC', 'L')))
  ]
  fields.push(el('label', {}, el('input', { type: 'checkbox', name: 'explain', checked: before.explain !== false }), 'Show where the estimates come from',
    el('small', {}, 'maps over the scan (RAM-3D), each with a word on whether to believe it; takes about as long again')))
  fields.push(el('label', {}, el('input', { type: 'checkbox', name: 'exchange', checked: before.exchange === true }), 'Make DICOM objects and a FHIR bundle for a PACS, too',
    el('small', {}, 'about a minute longer; vessels are outlined; DICOM scans only, and the objects carry the patient’s name and number as the scan does')))
  const form = el('fieldset', {}, el('legend', {}, 'Whose scan is it?'), ...fields)
  for (const [name, value] of Object.entries(before)) {
    const input = form.querySelector(`[name="${name}"]`)
    if (input && input.type !== 'checkbox' && value !== null) input.value = String(value)
  }
  return form
}

/** Read the fields as the server takes them. */
export function personOf (form) {
  const person = { sex: form.elements.sex.value || null, dlco_unit: form.elements.dlco_unit.value, explain: form.elements.explain.checked, exchange: form.elements.exchange.checked }
  for (const name of NUMBERS) {
    const text = form.elements[name].value
    person[name] = text === '' ? null : Number(text)
  }
  return person
}
