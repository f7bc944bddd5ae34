const money = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' })
const date = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' })
const number = new Intl.NumberFormat('en-US')

/** What views need to show values to people. */
export const format = {
  /** @param {number} cents */
  price: (cents) => money.format(cents / 100),

  /** @param {number} time    milliseconds since 1970 */
  date: (time) => date.format(time),

  /** @param {number} value */
  number: (value) => number.format(value),

  /** @param {{ ratingSum: number, ratingCount: number }} product */
  rating: ({ ratingSum, ratingCount }) =>
    ratingCount === 0 ? '' : (ratingSum / ratingCount).toFixed(1),

  /** @param {number} stock */
  stock: (stock) => (stock === 0 ? 'Sold out' : stock < 5 ? `Only ${stock} left` : 'In stock'),

  /**
   * @param {number} count
   * @param {string} noun
   */
  count: (count, noun) => `${number.format(count)} ${noun}${count === 1 ? '' : 's'}`,

  /** @param {number} bytes */
  bytes: (bytes) =>
    bytes < 1024 * 1024
      ? `${number.format(Math.round(bytes / 1024))} KiB`
      : `${(bytes / 1024 / 1024).toFixed(1)} MiB`,
}
