const authors = [
  'Ada L.',
  'Amir K.',
  'Beatriz S.',
  'Bo N.',
  'Chidi O.',
  'Clara W.',
  'Daan V.',
  'Elif T.',
  'Emre A.',
  'Fiona M.',
  'Gwen P.',
  'Hana Y.',
  'Henrik J.',
  'Ines R.',
  'Ivo B.',
  'Jonas F.',
  'Kaori T.',
  'Leila H.',
  'Luca D.',
  'Maeve C.',
  'Marta Z.',
  'Nadia E.',
  'Noah G.',
  'Olu A.',
  'Petra K.',
  'Quentin L.',
  'Rosa I.',
  'Samir U.',
  'Tilda H.',
  'Tom Q.',
  'Vera X.',
  'Yusuf M.',
]

/** Titles and first sentences by stars; {noun} is what was bought. */
const opinions = {
  5: [
    ['Exactly right', 'I had given up on finding a good {noun}. This is one.'],
    ['Worth every cent', 'It feels heavier and better finished than the picture suggests.'],
    ['A joy to use', 'I catch myself using this {noun} when I do not have to.'],
    ['Bought a second one', 'My sister took the first home with her.'],
    ['Simply good', 'Somebody thought about this {noun} for a long time. One notices.'],
    ['Recommended', 'Better than the one it replaces, and that one cost twice as much.'],
  ],
  4: [
    ['Very good', 'A solid {noun} with one or two small marks, which I do not mind.'],
    ['Nearly perfect', 'The colour is a shade darker than I expected. Otherwise perfect.'],
    ['Happy with it', 'It does what it says. Delivery took a little longer.'],
    ['Handsome', 'It looks even better than in the pictures. Slightly heavier than I like.'],
  ],
  3: [
    ['Decent', 'A fine {noun}, but I expected more for the price.'],
    ['Smaller than I thought', 'Read the measurements, I did not. The quality is fine.'],
    ['It is fine', 'No complaints about this {noun}, no cheers either.'],
  ],
  2: [
    ['Not for me', 'Well made, but this {noun} is not comfortable to hold for long.'],
    ['Had to send it back', 'The first one arrived with a chip. The replacement is better.'],
  ],
  1: [
    ['Disappointed', 'The {noun} broke in the second week. The shop did refund me at once.'],
    ['Not as described', 'The colour is nothing like the picture.'],
  ],
}

const seconds = [
  'It has been in daily use for three months and looks the same.',
  'The packing was all paper, which I liked.',
  'My partner, who notices such things, approves.',
  'It looks at home on our shelf.',
  'I would buy it again.',
  'The people in the shop answered my question within the hour.',
  'It was a present and went down very well.',
  'Our cat likes the box.',
]

const stars = [5, 5, 5, 5, 5, 4, 4, 4, 4, 3, 3, 2, 1]
const day = 24 * 60 * 60 * 1000

/**
 * @typedef {object} Review
 * @property {string} author
 * @property {number} rating    1 to 5
 * @property {string} title
 * @property {string} body
 * @property {number} createdAt    milliseconds since 1970
 */

/**
 * @param {{ name: string, material: string, updatedAt: number }} product
 * @param {import('./random.js').Random} random
 * @returns {Review[]}
 */
export function inventReviews(product, random) {
  const noun = product.name.slice(product.name.indexOf(product.material) + product.material.length)
  const count = Math.floor(random.next() ** 1.7 * 10)
  const told = new Set()
  return random.sample(authors, count).map((author) => {
    const rating = random.pick(stars)
    // Two buyers do not use the same words.
    const unheard = opinions[rating].filter(([title]) => !told.has(title))
    const [title, first] = random.pick(unheard.length > 0 ? unheard : opinions[rating])
    told.add(title)
    const second = rating > 3 && random.next() < 0.7 ? ` ${random.pick(seconds)}` : ''
    return {
      author,
      rating,
      title,
      body: first.replace('{noun}', noun.trim().toLowerCase()) + second,
      createdAt: product.updatedAt - random.between(1, 200) * day,
    }
  })
}
