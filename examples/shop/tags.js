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
 * @param {import('cacheflow/express').ExpressCacheflow} cache
 * @param {{ id: number, category: string }[]} products
 * @returns {Promise<number>} how many stored responses fell
 */
export async function productsChanged(cache, products) {
  const changed = products.flatMap((product) => [
    tags.product(product),
    tags.category(product.category),
  ])
  const receipt = await cache.invalidate({ tag: [...new Set(changed)] })
  return receipt.responses
}
