import { departments } from './departments.js'
import { inventProducts } from './products.js'
import { Random } from './random.js'
import { inventReviews } from './reviews.js'

const productsPerCategory = 60
const rowsPerStatement = 100

/**
 * Fills an empty database: 8 departments, 40 categories, 2,400 products and their reviews. The same
 * every time.
 *
 * @param {import('@libsql/client').Client} database
 */
export async function seed(database) {
  const random = new Random(20_26)
  const rows = { departments: [], categories: [], products: [], reviews: [] }

  for (const department of departments) {
    const departmentId = rows.departments.push(pick(department, 'slug', 'name', 'blurb'))
    for (const category of department.categories) {
      const categoryId = rows.categories.push({
        department_id: departmentId,
        ...pick(category, 'slug', 'name', 'blurb', 'picture'),
      })
      for (const product of inventProducts(category, productsPerCategory, random)) {
        const reviews = inventReviews(product, random)
        const productId = rows.products.push({
          category_id: categoryId,
          ...pick(product, 'name', 'description', 'material', 'size', 'origin', 'care'),
          price_cents: product.priceCents,
          stock: product.stock,
          tone: product.tone,
          rating_count: reviews.length,
          rating_sum: reviews.reduce((sum, review) => sum + review.rating, 0),
          updated_at: product.updatedAt,
        })
        for (const review of reviews) {
          rows.reviews.push({
            product_id: productId,
            ...pick(review, 'author', 'rating', 'title', 'body'),
            created_at: review.createdAt,
            updated_at: review.createdAt,
          })
        }
      }
    }
  }

  // One transaction: a seed that is interrupted leaves an empty database behind, not half a shop.
  await database.batch(
    Object.entries(rows).flatMap(([table, list]) => insertStatements(table, list)),
    'write',
  )
}

/**
 * Ids are the positions in the list, starting at 1, so that they are the same on every machine.
 * @param {string} table
 * @param {Record<string, string | number>[]} list
 */
function insertStatements(table, list) {
  const columns = ['id', ...Object.keys(list[0])]
  const placeholders = `(${columns.map(() => '?').join(', ')})`
  const statements = []
  for (let start = 0; start < list.length; start += rowsPerStatement) {
    const slice = list.slice(start, start + rowsPerStatement)
    statements.push({
      sql: `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${slice.map(() => placeholders).join(', ')}`,
      args: slice.flatMap((row, index) => [start + index + 1, ...Object.values(row)]),
    })
  }
  return statements
}

/**
 * @template {object} T
 * @template {keyof T} K
 * @param {T} source
 * @param {...K} keys
 * @returns {Pick<T, K>}
 */
function pick(source, ...keys) {
  return /** @type {Pick<T, K>} */ (Object.fromEntries(keys.map((key) => [key, source[key]])))
}
