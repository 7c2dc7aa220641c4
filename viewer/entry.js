// What the page uses of NiiVue.
export { Niivue, NVImage, SLICE_TYPE } from '@niivue/niivue'
