/** How lists can be ordered. The first is the default. */
export const orders = {
  popular: {
    label: 'Most loved',
    sql: 'p.rating_count * (1.0 * p.rating_sum / MAX(p.rating_count, 1) - 2.5) DESC',
  },
  'price-low': { label: 'Price, low to high', sql: 'p.price_cents' },
  'price-high': { label: 'Price, high to low', sql: 'p.price_cents DESC' },
  rating: { label: 'Best rated', sql: '1.0 * p.rating_sum / MAX(p.rating_count, 1) DESC' },
  name: { label: 'Name', sql: 'p.name' },
}

const pageSize = 24

const productColumns = `
  p.id, p.name, p.description, p.material, p.size, p.origin, p.care, p.price_cents AS priceCents,
  p.stock, p.tone, p.rating_count AS ratingCount, p.rating_sum AS ratingSum,
  p.updated_at AS updatedAt, c.slug AS category, c.name AS categoryName, c.picture`

const reviewColumns = `
  id, product_id AS productId, author, rating, title, body, created_at AS createdAt,
  updated_at AS updatedAt`

const fromProducts = 'FROM products p JOIN categories c ON c.id = p.category_id'

/**
 * What the shop sells: every question that a page asks of the database.
 *
 * @param {import('@libsql/client').Client} database
 */
export function createCatalogue(database) {
  /**
   * @param {string} sql
   * @param {Record<string, string | number>} [args]
   * @returns {Promise<any[]>}
   */
  async function all(sql, args = {}) {
    const { rows } = await database.execute({ sql, args })
    return rows
  }

  /**
   * @param {string} sql
   * @param {Record<string, string | number>} [args]
   * @returns {Promise<any>} the first row, if there is one
   */
  async function one(sql, args) {
    const [row] = await all(sql, args)
    return row
  }

  /**
   * One page of products.
   * @param {string} where    SQL of ours, never of a visitor's
   * @param {Record<string, string | number>} args
   * @param {{ order?: string, page?: number, size?: number }} view
   */
  async function list(where, args, { order = 'popular', page = 1, size = pageSize }) {
    const { total } = await one(`SELECT count(*) AS total ${fromProducts} ${where}`, args)
    const products = await all(
      `SELECT ${productColumns} ${fromProducts} ${where}
       ORDER BY ${orders[order].sql}, p.id LIMIT :size OFFSET :offset`,
      { ...args, size, offset: (page - 1) * size },
    )
    return { products, total, page, pages: Math.max(1, Math.ceil(total / size)), order }
  }

  return {
    departments: () =>
      all(`
        SELECT d.slug, d.name, d.blurb, count(c.id) AS categories,
          (SELECT picture FROM categories WHERE department_id = d.id ORDER BY id LIMIT 1) AS picture
        FROM departments d JOIN categories c ON c.department_id = d.id GROUP BY d.id ORDER BY d.id`),

    /** @param {string} slug */
    department: (slug) =>
      one('SELECT id, slug, name, blurb FROM departments WHERE slug = :slug', { slug }),

    /** @param {number} departmentId */
    categoriesOf: (departmentId) =>
      all(
        `SELECT c.slug, c.name, c.blurb, c.picture, count(p.id) AS products, min(p.price_cents) AS fromCents
         FROM categories c LEFT JOIN products p ON p.category_id = c.id
         WHERE c.department_id = :departmentId GROUP BY c.id ORDER BY c.id`,
        { departmentId },
      ),

    /** Every category, for the admin's form. */
    categories: () => all('SELECT id, slug, name FROM categories ORDER BY name'),

    /** @param {string} slug */
    category: (slug) =>
      one(
        `SELECT c.slug, c.name, c.blurb, c.picture, d.slug AS department, d.name AS departmentName
         FROM categories c JOIN departments d ON d.id = c.department_id WHERE c.slug = :slug`,
        { slug },
      ),

    /**
     * @param {string} category
     * @param {{ order?: string, page?: number }} view
     */
    inCategory: (category, view) => list('WHERE c.slug = :category', { category }, view),

    /**
     * Products that have every word in their name, their category's name or their description.
     * @param {string} words
     * @param {{ order?: string, page?: number, size?: number }} view
     */
    search(words, view) {
      const patterns = words.split(/\s+/).filter(Boolean).slice(0, 8).map(likePattern)
      const where = patterns.map(
        (_, index) =>
          `(p.name || ' ' || c.name || ' ' || p.description) LIKE :word${index} ESCAPE '\\'`,
      )
      return list(
        where.length > 0 ? `WHERE ${where.join(' AND ')}` : '',
        Object.fromEntries(patterns.map((pattern, index) => [`word${index}`, pattern])),
        view,
      )
    },

    /** @param {number} count */
    mostLoved: async (count) => (await list('', {}, { size: count })).products,

    /** @param {number} count */
    lastChanged: (count) =>
      all(
        `SELECT ${productColumns} ${fromProducts} ORDER BY p.updated_at DESC, p.id LIMIT :count`,
        { count },
      ),

    /** @param {number} id */
    product: (id) => one(`SELECT ${productColumns} ${fromProducts} WHERE p.id = :id`, { id }),

    /** @param {number[]} ids */
    products: (ids) =>
      ids.length === 0
        ? []
        : all(
            `SELECT ${productColumns} ${fromProducts} WHERE p.id IN (${ids.map((_, i) => `:id${i}`)}) ORDER BY p.id`,
            Object.fromEntries(ids.map((id, index) => [`id${index}`, id])),
          ),

    /**
     * The neighbours of a product in its category: the same four as long as the category stays as it is.
     * @param {{ id: number, category: string }} product
     */
    related: ({ id, category }) =>
      all(
        `SELECT ${productColumns} ${fromProducts} WHERE c.slug = :category AND p.id <> :id
         ORDER BY (p.id - :id + 100000) % 100000 LIMIT 4`,
        { id, category },
      ),

    /** @param {number} productId */
    reviews: (productId) =>
      all(
        `SELECT ${reviewColumns} FROM reviews WHERE product_id = :productId ORDER BY created_at DESC`,
        { productId },
      ),

    /** @param {number} id */
    review: (id) => one(`SELECT ${reviewColumns} FROM reviews WHERE id = :id`, { id }),

    /**
     * Saves a review, and what its product's rating comes to with it.
     * @param {number} id
     * @param {{ rating: number, title: string, body: string }} change
     */
    async updateReview(id, change) {
      await database.batch(
        [
          {
            sql: `UPDATE reviews SET rating = :rating, title = :title, body = :body, updated_at = :now
                  WHERE id = :id`,
            args: { id, ...change, now: Date.now() },
          },
          {
            sql: `UPDATE products SET rating_sum =
                    (SELECT sum(rating) FROM reviews WHERE product_id = products.id)
                  WHERE id = (SELECT product_id FROM reviews WHERE id = :id)`,
            args: { id },
          },
        ],
        'write',
      )
    },

    /**
     * @param {number[]} ids
     * @param {number} at    milliseconds since 1970
     */
    touchProducts: (ids, at) =>
      all(
        `UPDATE products SET updated_at = max(:at, updated_at + 1)
         WHERE id IN (${ids.map((_, index) => `:id${index}`)})`,
        { at, ...Object.fromEntries(ids.map((id, index) => [`id${index}`, id])) },
      ),

    /**
     * @param {number} id
     * @param {{ name: string, description: string, priceCents: number, stock: number, category: string }} change
     */
    async update(id, change) {
      await all(
        `UPDATE products SET name = :name, description = :description, price_cents = :priceCents,
           stock = :stock, category_id = (SELECT id FROM categories WHERE slug = :category),
           updated_at = :now
         WHERE id = :id`,
        { id, ...change, now: Date.now() },
      )
    },

    /**
     * Takes what was ordered off the shelf, all of it or nothing.
     * @param {{ id: number, quantity: number }[]} lines
     * @returns {Promise<boolean>} false when something sold out meanwhile
     */
    async sell(lines) {
      const transaction = await database.transaction('write')
      try {
        for (const { id, quantity } of lines) {
          const { rowsAffected } = await transaction.execute({
            sql: `UPDATE products SET stock = stock - :quantity, updated_at = :now
                  WHERE id = :id AND stock >= :quantity`,
            args: { id, quantity, now: Date.now() },
          })
          if (rowsAffected === 0) return false
        }
        await transaction.commit()
        return true
      } finally {
        transaction.close()
      }
    },
  }
}

/** @typedef {ReturnType<typeof createCatalogue>} Catalogue */

/** @param {string} word */
function likePattern(word) {
  return `%${word.replace(/[\\%_]/g, '\\$&')}%`
}
