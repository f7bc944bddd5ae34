import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import express from 'express'

const folder = join(import.meta.dirname, 'public')

/** What each file holds, in eight characters: a changed file gets a new address. */
const versions = new Map(
  readdirSync(folder).map((name) => [
    name,
    createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex')
      .slice(0, 8),
  ]),
)

/**
 * The address of a file in public/, with its version.
 * @param {string} name
 */
export function assetUrl(name) {
  return `/assets/${name}?v=${versions.get(name)}`
}

/** The addresses change with the content, so browsers may keep what they have for a year. */
export const assets = express.static(folder, { immutable: true, maxAge: '365d', index: false })
