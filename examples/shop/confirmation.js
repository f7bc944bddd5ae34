/**
 * What an invalidation came to, in the words of the form that has saved something.
 *
 * Redis may not answer just now. Then the change is saved and holds in this instance, the cache goes
 * on trying to tell the others, and these stop to serve what they hold within two seconds
 * (`maxStaleness`). That is worth a word, and no error page.
 *
 * @param {Promise<{ responses?: number, instances?: number }>} invalidation    its receipt
 * @returns {Promise<{ fallen: number, instances: number | undefined }>}
 *   how many pages fell, and how many other instances confirmed; undefined when Redis did not
 */
export async function confirmationOf(invalidation) {
  try {
    const receipt = await invalidation
    return { fallen: receipt.responses ?? 0, instances: receipt.instances ?? 0 }
  } catch (error) {
    if (error.code !== 'ERR_CACHEFLOW_UNCONFIRMED') throw error
    return { fallen: 0, instances: undefined }
  }
}

/**
 * The same as a query, for the page behind a form.
 * @param {{ fallen: number, instances: number | undefined }} confirmation
 */
export function queryOf({ fallen, instances }) {
  if (instances === undefined) return 'unconfirmed=1'
  return `fallen=${fallen}${instances > 0 ? `&instances=${instances}` : ''}`
}

/**
 * What the page behind a form was told in its query; undefined when it comes behind none.
 * @param {import('express').Request} req
 */
export function confirmationIn({ query }) {
  if (query.unconfirmed === '1') return { fallen: 0, instances: undefined }
  if (!/^\d{1,9}$/.test(String(query.fallen))) return undefined
  const instances = /^\d{1,9}$/.test(String(query.instances)) ? Number(query.instances) : 0
  return { fallen: Number(query.fallen), instances }
}
