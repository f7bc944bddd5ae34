import { entity } from 'cacheflow'

/** What fragments are made of: a station that changes is a change of its region. */
export const region = entity('region')
export const station = entity('station', { touch: (row) => region.ref(row.region) })
