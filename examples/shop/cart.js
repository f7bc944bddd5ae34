/** A cart is a list of [product id, quantity], small enough for a cookie. */

const mostLines = 40
const mostOfOne = 99

/**
 * @param {import('express').Request} req
 * @returns {[number, number][]}
 */
export function linesOf(req) {
  return req.session.cart ?? []
}

/** @param {import('express').Request} req */
export function countOf(req) {
  return linesOf(req).reduce((sum, [, quantity]) => sum + quantity, 0)
}

/**
 * @param {import('express').Request} req
 * @param {number} id
 * @param {number} quantity
 */
export function addToCart(req, id, quantity) {
  const had = linesOf(req).find(([other]) => other === id)?.[1] ?? 0
  setQuantity(req, id, had + quantity)
}

/**
 * @param {import('express').Request} req
 * @param {number} id
 * @param {number} quantity    none takes the product out
 */
export function setQuantity(req, id, quantity) {
  const lines = new Map(linesOf(req))
  if (quantity > 0) lines.set(id, Math.min(quantity, mostOfOne))
  else lines.delete(id)
  req.session.cart = [...lines].slice(0, mostLines)
}

/** @param {import('express').Request} req */
export function emptyCart(req) {
  req.session.cart = []
}
