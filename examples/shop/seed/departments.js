import { bath } from './departments/bath.js'
import { desk } from './departments/desk.js'
import { dining } from './departments/dining.js'
import { garden } from './departments/garden.js'
import { kitchen } from './departments/kitchen.js'
import { living } from './departments/living.js'
import { outdoors } from './departments/outdoors.js'
import { play } from './departments/play.js'

/**
 * @typedef {object} Category
 * @property {string} slug
 * @property {string} name
 * @property {string} picture    the drawing in public/pictures.svg
 * @property {string} blurb
 * @property {[number, number]} prices    lowest and highest, in whole dollars
 * @property {string[]} nouns
 * @property {string[]} materials
 * @property {string[]} sizes
 * @property {string} care
 * @property {string[]} features    sentences for descriptions
 *
 * @typedef {object} Department
 * @property {string} slug
 * @property {string} name
 * @property {string} blurb
 * @property {Category[]} categories
 */

/** @type {Department[]} */
export const departments = [kitchen, dining, living, bath, desk, garden, outdoors, play]
