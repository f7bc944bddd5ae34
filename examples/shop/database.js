import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createClient } from '@libsql/client'
import { seed } from './seed/seed.js'

const schema = `
  CREATE TABLE departments (
    id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL, blurb TEXT NOT NULL
  );
  CREATE TABLE categories (
    id INTEGER PRIMARY KEY, department_id INTEGER NOT NULL REFERENCES departments (id),
    slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL, blurb TEXT NOT NULL, picture TEXT NOT NULL
  );
  CREATE TABLE products (
    id INTEGER PRIMARY KEY, category_id INTEGER NOT NULL REFERENCES categories (id),
    name TEXT NOT NULL, description TEXT NOT NULL, material TEXT NOT NULL, size TEXT NOT NULL,
    origin TEXT NOT NULL, care TEXT NOT NULL, price_cents INTEGER NOT NULL,
    stock INTEGER NOT NULL, tone INTEGER NOT NULL, rating_count INTEGER NOT NULL,
    rating_sum INTEGER NOT NULL, updated_at INTEGER NOT NULL
  );
  CREATE INDEX products_by_category ON products (category_id);
  CREATE TABLE reviews (
    id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL REFERENCES products (id),
    author TEXT NOT NULL, rating INTEGER NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
  );
  CREATE INDEX reviews_by_product ON reviews (product_id);
`

/** Grows with the schema or the seed; a database file of another version is asked to be deleted. */
const version = 2

/**
 * Opens the shop's database and fills it when it is new.
 *
 * @param {string} location    the path of a file, or ':memory:'
 * @returns {Promise<import('@libsql/client').Client>}
 */
export async function openDatabase(location) {
  if (location !== ':memory:') await mkdir(dirname(location), { recursive: true })
  const database = createClient({
    url: location === ':memory:' ? location : `file:${location}`,
    // Another instance may be writing: it is done soon.
    timeout: 5_000,
  })

  const { rows } = await database.execute('PRAGMA user_version')
  const found = Number(rows[0]?.user_version)
  if (found === 0) {
    await database.executeMultiple(schema)
    await seed(database)
    await database.execute(`PRAGMA user_version = ${version}`)
  } else if (found !== version) {
    database.close()
    throw new Error(
      `${location} was made by another version of the shop. Delete it and start again.`,
    )
  }
  return database
}

/** The place of the shop's own database file. */
export const defaultLocation = join(import.meta.dirname, 'data', 'shop.db')
