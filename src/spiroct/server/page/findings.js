// What was found in a scan: estimates, volumes, quality, model, files.
import { breakable, el, section, size } from './dom.js'

const TAG = () => el('span', { class: 'tag' }, 'demonstration only')

/** List the parts of the page for a result; the scan is shown in screen. */
export function findings (result, summary, screen) {
  return [
    ...warnings(summary),
    el('dl', { class: 'facts' }, fact('Scan', summary.scan_id), summary.patient.map(({ name, text, note }) => fact(name, text, note)), fact('Use', summary.interpretation)),
    report(result), section('Scan and lungs', screen),
    measured(summary), quality(summary), estimates(summary), downloads(result), about(summary)
  ]
}

function fact (name, text, note) {
  return el('div', {}, el('dt', {}, name), el('dd', {}, text, note && [' ', el('small', {}, note)]))
}

/** Say plainly that the estimates say nothing about a patient. */
export function demonstration (whom) {
  return el('aside', { class: 'banner', 'aria-label': 'Demonstration only' },
    el('p', { class: 'shout' }, 'Demonstration only'),
    el('p', {}, 'The lung function estimates come from a network ', el('strong', {}, 'trained on simulated patients'), '. They show how the software works and ',
      el('strong', {}, `say nothing about ${whom}`), '. Do not use them for any decision. Volumes, densities and quality checks are measured on the scan itself and do not depend on that network.'))
}

function warnings (summary) {
  const found = []
  if (summary.demonstration) {
    found.push(demonstration('this patient'))
  }
  if (summary.overrides.length) {
    found.push(el('aside', { class: 'override', 'aria-label': 'Overridden checks' },
      el('p', { class: 'shout' }, 'Failed checks were overridden'),
      el('p', {}, 'This scan was refused, and the refusal was overridden. Numbers on this page may be wrong for this reason:'),
      el('ul', {}, summary.overrides.map((check) => el('li', {}, typeof check === 'string' ? check : `${check.name}: ${check.found} (rule: ${check.limit}). ${check.meaning}`)))))
  }
  return found
}

function measured (summary) {
  const { biomarkers } = summary
  return section('Measured on the CT',
    el('ul', { class: 'tiles' }, summary.volumes.map(({ name, text, note }) =>
      el('li', {}, el('span', { class: 'label' }, `${name}, volume`), el('span', { class: 'figure' }, text), el('span', { class: 'unit' }, ' L'), note && el('small', {}, note)))),
    el('div', { class: 'scroll' }, el('table', {},
      el('caption', {}, `Density inside the lung outlines${biomarkers.grids.length ? `, measured on the ${biomarkers.grids.join(', ')} grid` : ''}`),
      head(['Biomarker', ...biomarkers.regions, 'Unit'], 1, biomarkers.regions.length),
      el('tbody', {}, biomarkers.rows.map(([label, unit, cells, meaning]) =>
        el('tr', {}, el('th', { scope: 'row' }, label, meaning && el('small', {}, meaning)), cells.map((cell) => el('td', { class: 'n' }, cell)), el('td', {}, unit)))))),
    biomarkers.reasons.map((reason) => el('p', { class: 'note' }, reason)))
}

function head (texts, first = texts.length, numbers = 0) {
  return el('thead', {}, el('tr', {}, texts.map((text, place) =>
    el('th', { scope: 'col', class: place >= first && place < first + numbers ? 'n' : null }, breakable(text)))))
}

function quality (summary) {
  const raised = summary.checks.filter((check) => check.outcome !== 'pass')
  const passed = summary.checks.filter((check) => check.outcome === 'pass')
  return section('Quality of scan and lung outlines', el('p', {}, summary.quality_summary),
    raised.length ? checks(raised, 'Checks that did not pass, the gravest first') : null,
    passed.length ? el('details', {}, el('summary', {}, el('span', { class: 'pass' }, el('span', { class: 'verdict' }, '✓ Passed')), ` ${passed.map((check) => check.name).join(', ')}`),
      checks(passed, 'Checks that passed')) : null)
}

function checks (rows, caption) {
  return el('table', { class: 'stack' }, el('caption', {}, caption), head(['Verdict', 'Check', 'Found', 'Rule', 'What it means']),
    el('tbody', {}, rows.map((check) => el('tr', { class: check.outcome },
      el('td', {}, el('span', { class: 'verdict' }, `${check.mark} ${check.word}`), check.overridden && el('small', {}, 'overridden')),
      el('th', { scope: 'row' }, check.name), el('td', { 'data-label': 'Found' }, check.found), el('td', { 'data-label': 'Rule' }, check.limit),
      el('td', {}, `${check.meaning} ${check.remedy}`)))))
}

function estimates (summary) {
  return section('Lung function estimated by a network', summary.demonstration && el('p', {}, TAG()),
    el('p', { class: 'note' }, 'Filled circles are the network’s estimates with their intervals, hollow circles plain alternatives that need no network; the green band is the normal range, from the lower limit of normal (LLN) to the upper (ULN).'),
    summary.shared_reasons.map((reason) => el('p', { class: 'reason' }, reason)),
    el('div', { class: 'cards' }, summary.cards.map((card) => measure(card, summary))),
    el('div', { class: 'pair' }, ratios(summary), pattern(summary)),
    el('details', {}, el('summary', {}, 'What the plain alternatives are'), el('dl', {}, summary.alternatives.map(([name, text]) => [el('dt', {}, el('b', {}, name)), el('dd', {}, text)]))))
}

function measure (card, summary) {
  return el('article', { class: 'card' },
    el('h3', {}, card.measure, ' ', el('small', {}, card.plain_name)),
    summary.demonstration && TAG(),
    el('p', { class: 'value' }, el('span', { class: 'figure' }, card.value), el('span', { class: 'unit' }, ` ${card.unit}`), card.traditional && el('span', { class: 'unit' }, ` = ${card.traditional}`)),
    card.interval && el('p', { class: 'note' }, card.interval),
    card.headline.length ? el('p', { class: 'headline' }, card.headline.map((part) => el('span', {}, part))) : null,
    card.scale && el('img', { class: 'scale', src: card.scale.uri, width: card.scale.width, height: card.scale.height, alt: card.scale.alt }),
    el('div', { class: 'scroll' }, el('table', {}, el('caption', { class: 'hidden' }, `${card.measure}: estimate, measurement and plain alternatives`),
      head(['Source', card.unit, ...(card.traditional ? [summary.traditional_unit] : []), '% pred.', 'z-score'], 1, 4),
      el('tbody', {}, card.rows.map((row) => el('tr', {}, el('th', { scope: 'row' }, row.source), el('td', { class: 'n' }, row.value),
        card.traditional && el('td', { class: 'n' }, row.traditional), el('td', { class: 'n' }, row.percent), el('td', { class: 'n' }, row.z_score)))))),
    card.reason && el('p', { class: 'reason' }, card.reason),
    card.limits && el('p', { class: 'note' }, `${card.limits}.`))
}

function ratios (summary) {
  if (!summary.derived.length) return null
  return el('table', {}, el('caption', {}, 'Ratios of the estimates ', summary.demonstration && TAG()), head(['Ratio', 'Value', 'LLN', 'z-score'], 1, 3),
    el('tbody', {}, summary.derived.map((row) => el('tr', {}, el('th', { scope: 'row' }, row.name, row.note && el('small', {}, row.note)),
      el('td', { class: 'n' }, row.value), el('td', { class: 'n' }, row.lln), el('td', { class: 'n' }, row.z_score)))))
}

function pattern (summary) {
  const { pattern: name, severity, reason } = summary.pattern
  return el('div', {}, el('h3', {}, 'Pattern of the estimates ', el('small', {}, 'ERS/ATS 2022')),
    name ? el('p', {}, el('strong', {}, name), severity && [', severity by z-score: ', el('strong', {}, severity)], summary.demonstration && [' ', TAG()])
      : el('p', { class: 'reason' }, `Not given: ${(reason ?? 'no pattern could be told').replace(/\.$/, '')}.`))
}

const FILES = {
  'report.html': 'Report (HTML, one file)',
  'report.pdf': 'Report (PDF)',
  'dicom.zip': 'DICOM objects (zip)',
  'fhir.json': 'FHIR bundle (JSON)',
  'prediction.json': 'All numbers (JSON)',
  'explanation.html': 'Explanation (HTML, one file)',
  'explanation.json': 'Explanation (JSON)',
  'predictions.csv': 'Estimates (CSV)',
  'lungs.nii.gz': 'Lung mask (NIfTI)',
  'vessels.nii.gz': 'Vessel mask (NIfTI)',
  ...Object.fromEntries(['DLCO', 'FEV1', 'FVC', 'TLC'].map((measure) => [`ram_${measure}.nii.gz`, `Map of ${measure} (NIfTI)`]))
}

function fileAddress (result, name) {
  return `/api/results/${result.id}/files/${name.split('/').map(encodeURIComponent).join('/')}`
}

/** Link to the report, where there is one. */
function report (result) {
  if (!result.files.some((file) => file.name === 'report.html')) return ''
  const open = (name, text, main) => result.files.some((file) => file.name === name) && el('a', { class: `button ${main}`, href: `${fileAddress(result, name)}?inline=true`, target: '_blank', rel: 'noopener' }, text)
  return el('p', { class: 'actions' }, open('report.html', 'Open the report', 'main'), open('explanation.html', 'Open the explanation', ''))
}

function downloads (result) {
  const known = (name) => Object.keys(FILES).indexOf(name) >= 0 ? Object.keys(FILES).indexOf(name) : 99
  const files = [...result.files].sort((a, b) => known(a.name) - known(b.name))
  return section('Downloads', el('ul', { class: 'downloads' },
    files.map((file) => el('li', {}, el('a', { class: 'button', href: fileAddress(result, file.name), download: true }, FILES[file.name] ?? file.name, ' ', el('small', {}, size(file.bytes)))))))
}

function about (summary) {
  const { model } = summary
  const rows = (pairs) => el('tbody', {}, pairs.map(([name, text, kind]) => el('tr', {}, el('th', { scope: 'row' }, name), el('td', { class: kind ?? null }, text))))
  return section('Model card and acquisition', el('div', { class: 'pair' },
    el('div', {}, el('table', {}, el('caption', {}, 'Model'), rows([['Name', model.name], ['Trained on', model.trained_on], ['Intended use', model.intended_use],
      ['Interpretation', summary.interpretation], ['SHA-256', model.hash, 'hash']])),
    el('table', {}, el('caption', {}, 'Versions'), rows(Object.entries(summary.versions)))),
    el('table', {}, el('caption', {}, 'Acquisition, as the file tells it'), rows(summary.acquisition.map(({ name, text }) => [name, text])))))
}
