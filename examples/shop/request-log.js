import { styleText } from 'node:util'

const colours = { hit: 'green', miss: 'yellow', bypass: 'cyan' }

/**
 * One line for each request: what was asked, what the cache did and why, how long it took.
 *
 *   14:03:07  GET   200    0.3 ms  hit     /products/17  (fresh, 12 s old, 3588 s left)
 *
 * @param {import('./journal.js').Exchange} exchange
 * @param {number} status
 * @param {number} milliseconds
 */
export function printRequest({ method, url, verdict, reason, refused }, status, milliseconds) {
  if (url.startsWith('/assets/')) return
  const time = new Date().toTimeString().slice(0, 8)
  const word = (verdict || '-').padEnd(6)
  // That a response is not stored says more than that it was not found.
  const why = verdict === 'miss' && refused ? `not stored: ${refused}` : reason
  console.log(
    `${paint('dim', time)}  ${method.padEnd(4)}  ${status}  ${milliseconds.toFixed(1).padStart(6)} ms  ` +
      `${paint(colours[verdict], word)}  ${printable(url)}  ${paint('dim', why && `(${why})`)}`,
  )
}

function paint(colour, text) {
  return colour !== undefined && process.stdout.isTTY ? styleText(colour, text) : text
}

/** A visitor chooses the address: nothing in it may speak to the terminal. */
function printable(url) {
  return url.replace(/[^\x21-\x7e]/g, '?').slice(0, 120)
}
