// Bundles NiiVue into the package's page as one minified file, and writes down what is in it and under which licences.
// Needs node and npm, which neither users nor tests need: `npm ci && npm run build`.
import { build } from 'esbuild'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const page = (name) => here(`../src/spiroct/server/page/${name}`)

const { metafile } = await build({
  entryPoints: [here('entry.js')],
  outfile: page('niivue.js'),
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  metafile: true,
  legalComments: 'none',
  // Zarr brings 1.4 MB of WebAssembly decoders; the page shows NIfTI only, and its security policy refuses WebAssembly.
  alias: { zarrita: here('no-zarr.js') },
  banner: { js: '/* NiiVue, BSD-2-Clause; versions and licences of all parts in niivue.LICENSE.txt; made by viewer/build.mjs */' }
})

const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\//
const [output] = Object.values(metafile.outputs)
const packages = new Set(Object.keys(output.inputs).map((input) => name.exec(input)?.[1]).filter(Boolean))
const texts = [...packages].sort().map((part) => {
  const folder = here(`node_modules/${part}`)
  const about = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
  const own = part === '@niivue/niivue' ? here('niivue.LICENSE.txt') : `${folder}/${file}` // its npm package has no text
  if (!existsSync(own)) throw new Error(`${part} ships no licence text`)
  return `${part} ${about.version} (${about.license})\n${'='.repeat(72)}\n${readFileSync(own, 'utf8').trim()}\n`
})
writeFileSync(page('niivue.LICENSE.txt'), `niivue.js holds these packages.\n\n${texts.join('\n\n')}`)
