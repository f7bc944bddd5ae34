import { entity } from 'cacheflow'

/**
 * What fragments are made of: a row becomes a record with a version, its updatedAt.
 *
 * @param {import('./catalogue.js').Catalogue} catalogue
 */
export function createRecords(catalogue) {
  const product = entity('product', {
    // A review that changes is a change of its product: cards show the rating.
    persist: (ids, at) => catalogue.touchProducts(ids.map(Number), at.getTime()),
  })
  const review = entity('review', { touch: (row) => product.ref(row.productId) })
  return { product, review }
}

/** @typedef {ReturnType<typeof createRecords>} Records */
