// The scan with its overlays. Patient's right is at the viewer's left, as radiologists look at a scan.
import { el } from './dom.js'

const WINDOWS = { Lung: [-600, 1500], 'Soft tissue': [40, 400], Bone: [400, 1800] }
const VIEWS = { 'Three planes': 'MULTIPLANAR', Axial: 'AXIAL', Coronal: 'CORONAL', Sagittal: 'SAGITTAL' }
const LUNG_COLOURS = { R: [0, 255, 86], G: [0, 176, 180], B: [0, 0, 233], A: [0, 255, 255], I: [0, 1, 2], labels: ['', 'Right lung', 'Left lung'] }
const VESSEL_COLOURS = { R: [0, 230], G: [0, 60], B: [0, 60], A: [0, 255], I: [0, 1], labels: ['', 'Vessels'] }
const MASKS = { 'lungs.nii.gz': ['Lung outlines', LUNG_COLOURS, 30], 'vessels.nii.gz': ['Vessels', VESSEL_COLOURS, 0] }
const HEAT = {
  raises: { R: [0, 160], G: [120, 255], B: [80, 60], A: [0, 255], I: [0, 255] },
  lowers: { R: [110, 255], G: [20, 130], B: [90, 220], A: [0, 255], I: [0, 255] }
}
const AXES = [['Slice, foot to head', 2], ['Coronal, back to front', 1], ['Sagittal, right to left', 0]]

/** Show a result's scan; returns an object that can be closed, or null where there is nothing to show it with. */
export async function showScan (place, result, summary) {
  const canvas = el('canvas', { 'aria-label': 'The scan in three planes. Patient’s right is at the viewer’s left. The sliders beside it move the planes.', role: 'img', tabindex: 0 })
  const told = el('p', { role: 'status' }, 'Loading the scan …')
  const screen = el('div', { class: 'screen' }, canvas, told)
  const knobs = el('div', { class: 'knobs', role: 'group', 'aria-label': 'How the scan is shown' })
  place.append(el('div', { class: 'viewer' }, screen, knobs), legend(summary))
  if (!el('canvas').getContext('webgl2')) {
    told.textContent = 'This browser cannot show the scan here (no WebGL 2). The report has pictures of it.'
    return null
  }
  const { Niivue, SLICE_TYPE } = await import('./niivue.js')
  const viewer = new Niivue({
    isRadiologicalConvention: true,
    isCornerOrientationText: false,
    isOrientCube: false,
    dragAndDropEnabled: false,
    show3Dcrosshair: false,
    backColor: [0, 0, 0, 1],
    crosshairColor: [0.25, 0.9, 0.4, 0.6],
    crosshairWidth: 0.7,
    crosshairWidthUnit: 'mm',
    multiplanarShowRender: 0, // never the three-dimensional one: it shows the skin
    sagittalNoseLeft: true, // front at the viewer's left, as in the report
    showAllOrientationMarkers: true,
    fontColor: [1, 0.25, 0.25, 1],
    textHeight: 0.06,
    fontMinPx: 20,
    multiplanarPadPixels: 8,
    scrollRequiresFocus: true,
    logLevel: 'error'
  })
  await viewer.attachToCanvas(canvas)
  const base = `/api/results/${result.id}/view/`
  const [level, width] = [summary.window.level_hu, summary.window.width_hu]
  WINDOWS.Lung = [level, width]
  for (const [name, colours] of Object.entries(HEAT)) viewer.addColormap(name, colours)
  const images = [{ url: `${base}scan.nii.gz`, name: 'scan.nii.gz', colormap: 'gray', cal_min: level - width / 2, cal_max: level + width / 2 }]
  const overlays = result.views.filter((name) => name !== 'scan.nii.gz')
  for (const name of overlays) images.push({ url: base + name, name, opacity: (MASKS[name]?.[2] ?? 0) / 100, ...heat(summary.maps.find((map) => map.file === name)) })
  try {
    await viewer.loadVolumes(images)
  } catch (failure) {
    told.textContent = `The scan cannot be shown (${failure.message}). The report has pictures of it.`
    return null
  }
  for (const [place, name] of overlays.entries()) if (name in MASKS) viewer.volumes[place + 1].setColormapLabel(MASKS[name][1])
  viewer.updateGLVolume()
  told.remove()
  knobs.append(...controls(viewer, SLICE_TYPE, overlays, summary))
  canvas.dataset.ready = 'true'
  return { close: () => viewer.gl.getExtension('WEBGL_lose_context')?.loseContext() }
}

function legend (summary) {
  const [z, y, x] = summary.view_spacing_mm.map((mm) => mm.toFixed(2))
  return el('p', { class: 'note key' }, el('span', {}, el('i'), 'right lung'), el('span', {}, el('i', { class: 'left' }), 'left lung'),
    `Patient’s right (R) is at the viewer’s left, as if seen from the feet or from the front. Shown in voxels of ${x} × ${y} × ${z} mm, for orientation and not for reading the scan. If an outline leaves lung out or takes something else in, distrust every number on this page.`)
}

/** Colours of a map: what raises the estimate and what lowers it, weak places left clear. */
function heat (map) {
  if (!map) return {}
  const [least, most] = [0.2 * map.reach, map.reach]
  return { colormap: 'raises', colormapNegative: 'lowers', cal_min: least, cal_max: most, cal_minNeg: -least, cal_maxNeg: -most }
}

function controls (viewer, types, overlays, summary) {
  const choose = (label, options, change) => el('label', {}, label, el('select', { onchange: (event) => change(event.target.value) }, Object.keys(options).map((name) => el('option', {}, name))))
  const setWindow = (name) => {
    const [level, width] = WINDOWS[name]
    Object.assign(viewer.volumes[0], { cal_min: level - width / 2, cal_max: level + width / 2 })
    viewer.updateGLVolume()
  }
  const made = [
    choose('View', VIEWS, (name) => viewer.setSliceType(types[VIEWS[name]])),
    choose('Window', WINDOWS, setWindow),
    ...planes(viewer)
  ]
  for (const [place, name] of overlays.entries()) {
    if (!(name in MASKS)) continue
    const [label, , percent] = MASKS[name]
    made.push(opacity(label, percent || 50, percent > 0, (value) => viewer.setOpacity(place + 1, value)))
  }
  if (summary.maps.length) made.push(attention(viewer, overlays, summary.maps))
  if (summary.maps_reason) made.push(el('p', { class: 'reason' }, `No maps: ${summary.maps_reason.what}: ${summary.maps_reason.rule}.`))
  return made
}

/** A slider for each plane: what the mouse does in the picture, the keyboard does here. */
function planes (viewer) {
  const sliders = AXES.map(([label, axis]) => {
    const input = el('input', { type: 'range', min: 0, max: 1, step: 0.005, value: viewer.scene.crosshairPos[axis] })
    input.addEventListener('input', () => {
      const position = [...viewer.scene.crosshairPos]
      position[axis] = Number(input.value)
      viewer.scene.crosshairPos = position
      viewer.drawScene()
    })
    return [el('label', {}, label, input), input, axis]
  })
  viewer.onLocationChange = () => { for (const [, input, axis] of sliders) input.value = viewer.scene.crosshairPos[axis] }
  return sliders.map(([label]) => label)
}

function opacity (label, percent, on, change) {
  const box = el('input', { type: 'checkbox', checked: on })
  const slider = el('input', { type: 'range', min: 0, max: 100, value: percent, 'aria-label': `${label}: opacity in percent` })
  const apply = () => { slider.disabled = !box.checked; change(box.checked ? slider.value / 100 : 0) }
  box.addEventListener('change', apply)
  slider.addEventListener('input', apply)
  slider.disabled = !on
  return el('div', {}, el('label', { class: 'head' }, box, label), slider)
}

/** Where the estimates come from, one map for each measure, and whether to believe it. */
function attention (viewer, overlays, maps) {
  let shown = maps[0]
  let last = 0
  const doubt = el('p', { class: 'note', role: 'status' })
  const show = (value) => {
    last = value
    for (const map of maps) viewer.setOpacity(overlays.indexOf(map.file) + 1, map === shown ? value : 0)
    doubt.textContent = value ? shown.summary : ''
    doubt.className = value && !shown.believable ? 'reason' : 'note'
  }
  const choice = el('label', {}, 'Map of', el('select', { onchange: (event) => { shown = maps[event.target.selectedIndex]; show(last) } }, maps.map((map) => el('option', {}, map.measure))))
  return el('div', {}, opacity('Where the estimate comes from', 60, false, show), choice, doubt,
    el('p', { class: 'note key' }, el('span', {}, el('i', { class: 'raises' }), 'raises it'), el('span', {}, el('i', { class: 'lowers' }), 'lowers it'), shown.how_not_to_read))
}
