/**
 * The pages that every server answers with: deterministic, of an exact length, ASCII only (so that no
 * server pays for a two-byte string that another does not have).
 */
import { createHash } from 'node:crypto'

/**
 * @typedef {object} Page
 * @property {string} type    its Content-Type
 * @property {string | object} content  what a handler renders: a string, or the object of a JSON answer
 * @property {Buffer} bytes   the same, ready to be sent
 * @property {string} etag    a strong entity tag of the bytes
 */

const html = 'text/html; charset=utf-8'
const json = 'application/json; charset=utf-8'

/** @type {Record<string, () => Page>} */
const MAKERS = {
  html: () => page(html, catalogue(20 * 1024)),
  json: () => page(json, productRecord(1024)),
  large: () => page(html, catalogue(200 * 1024)),
}

/** @param {string} name @returns {Page} */
export function pageOf(name) {
  const make = MAKERS[name]
  if (!make)
    throw new Error(`There is no page "${name}"; there are ${Object.keys(MAKERS).join(', ')}.`)
  return make()
}

/** @returns {Page} */
function page(type, content) {
  const bytes = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content))
  const etag = `"${createHash('sha1').update(bytes).digest('base64url')}"`
  return { type, content, bytes, etag }
}

/** A product list of exactly `length` bytes. */
function catalogue(length) {
  const end = '</ul></body></html>'
  let text = '<!doctype html><html lang="en"><head><title>Catalogue</title></head><body><ul>'
  for (let n = 1; text.length + end.length < length; n++) {
    const price = ((n * 7919) % 9000) / 100 + 10
    text += `<li class="card"><a href="/products/${n}">Product ${n}</a> <b>${price.toFixed(2)}</b></li>\n`
  }
  return text.slice(0, length - end.length) + end
}

/** A record whose JSON has exactly `length` bytes. */
function productRecord(length) {
  const record = {
    id: 42,
    name: 'Kettle',
    price: 39.5,
    stock: 12,
    tags: ['kitchen', 'steel'],
    text: '',
  }
  record.text = 'a'.repeat(length - JSON.stringify(record).length)
  return record
}
