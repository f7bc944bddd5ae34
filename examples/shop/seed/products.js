const collections = [
  'Alder',
  'Ashdown',
  'Bramble',
  'Briar',
  'Calder',
  'Clover',
  'Copse',
  'Dale',
  'Eddy',
  'Elderbank',
  'Fallow',
  'Farrow',
  'Fenwick',
  'Fern',
  'Foxglove',
  'Garrow',
  'Glen',
  'Harrow',
  'Haven',
  'Hazel',
  'Heath',
  'Holm',
  'Juniper',
  'Kestrel',
  'Lark',
  'Larkspur',
  'Linden',
  'Marlow',
  'Meadow',
  'Merle',
  'Moss',
  'Nettle',
  'Otter',
  'Pebble',
  'Quarry',
  'Rowan',
  'Rye',
  'Saltmarsh',
  'Sedge',
  'Sorrel',
  'Tansy',
  'Tarn',
  'Thistle',
  'Thorne',
  'Wharf',
  'Wicker',
  'Willow',
  'Wren',
]

const origins = [
  'Porto, Portugal',
  'Bornholm, Denmark',
  'Sheffield, England',
  'Solingen, Germany',
  'Limoges, France',
  'Seto, Japan',
  'Småland, Sweden',
  'Donegal, Ireland',
  'Faenza, Italy',
  'Vermont, USA',
  'Asheville, USA',
  'Graz, Austria',
  'Ghent, Belgium',
  'Tallinn, Estonia',
]

const openings = [
  'The {name} is the one we use ourselves.',
  'A plain, well-made {noun} for every day.',
  'Made in small batches in {town}, and better than it needs to be.',
  'We looked for a good {noun} for a long time; this is where we stopped.',
  'The {collection} series is made by a workshop of nine people in {town}.',
  'Nothing clever, nothing to plug in: a {noun} that does its work.',
]

const closings = [
  'Should it ever break, we repair it or help you to do so.',
  'It leaves our shop in a plain box without plastic.',
  'It makes a good present, first of all for yourself.',
  'Ten years from now it will look better than today.',
  'Parts of one batch match; those of two batches are cousins.',
]

const day = 24 * 60 * 60 * 1000

/** The newest seeded product was last changed on this day; later dates are edits made in the admin. */
const newest = Date.UTC(2025, 8, 30, 9)

/**
 * @typedef {object} Product
 * @property {string} name
 * @property {string} description
 * @property {string} material
 * @property {string} size
 * @property {string} origin
 * @property {string} care
 * @property {number} priceCents
 * @property {number} stock
 * @property {number} tone    one of the twelve colours of its picture
 * @property {number} updatedAt    milliseconds since 1970
 */

/**
 * @param {import('./departments.js').Category} category
 * @param {number} count
 * @param {import('./random.js').Random} random
 * @returns {Product[]}
 */
export function inventProducts(category, count, random) {
  const names = new Set()
  const products = []
  while (products.length < count) {
    const collection = random.pick(collections)
    const material = random.pick(category.materials)
    const noun = random.pick(category.nouns)
    const name = `${collection} ${material} ${noun}`
    if (names.has(name)) continue
    names.add(name)
    products.push(inventProduct(category, { collection, material, noun, name }, random))
  }
  return products
}

/**
 * @param {import('./departments.js').Category} category
 * @param {{ collection: string, material: string, noun: string, name: string }} words
 * @param {import('./random.js').Random} random
 * @returns {Product}
 */
function inventProduct(category, words, random) {
  const origin = random.pick(origins)
  const opening = random
    .pick(openings)
    .replace('{name}', words.name)
    .replace('{noun}', words.noun.toLowerCase())
    .replace('{collection}', words.collection)
    .replace('{town}', origin.split(',')[0])
  const [low, high] = category.prices
  const sizeIndex = random.between(0, category.sizes.length - 1)
  // Larger ones cost more: the size moves the price through its range, chance bends it.
  const share = (sizeIndex + random.next()) / category.sizes.length
  const dollars = Math.round(low + (high - low) * share ** 1.6)

  return {
    name: words.name,
    description: [opening, ...random.sample(category.features, 2), random.pick(closings)].join(' '),
    material: words.material,
    size: category.sizes[sizeIndex],
    origin,
    care: category.care,
    priceCents: dollars * 100 - random.pick([0, 0, 5, 10, 50]),
    stock:
      random.next() < 0.05
        ? 0
        : random.next() < 0.12
          ? random.between(1, 4)
          : random.between(5, 80),
    tone: random.between(0, 11),
    updatedAt: newest - random.between(0, 400) * day - random.between(0, 86_399) * 1000,
  }
}
