// Stands in for zarrita, which the page has no use for.
const refuse = () => { throw new Error('Zarr images are not shown here') }
export class FetchStore { constructor () { refuse() } }
export const open = refuse
export const root = refuse
export const get = refuse
export const slice = refuse
