import { confirmationOf } from './confirmation.js'

/** The names under which pages are stored and invalidated. */
export const tags = {
  /** @param {{ id: number }} product */
  product: (product) => `product:${product.id}`,

  /** @param {string} slug */
  category: (slug) => `category:${slug}`,
}

/**
 * Called after products have changed: their own pages fall, every page that shows one of them, and
 * the lists of their categories. Everything else stays stored.
 *
 * With Redis it waits until every instance has confirmed (server.js): whoever reads a page after the form
 * was answered sees the change, whichever instance answers.
 *
 * @param {import('cacheflow/express').ExpressCacheflow} cache
 * @param {{ id: number, category: string }[]} products
 */
export async function productsChanged(cache, products) {
  const changed = products.flatMap((product) => [
    tags.product(product),
    tags.category(product.category),
  ])
  return confirmationOf(cache.invalidate({ tag: [...new Set(changed)] }))
}
