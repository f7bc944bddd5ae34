import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryDirectory } from '../support/process.ts'

/** The text of a sitemap. */
export function sitemapOf(...paths: string[]): string {
  const urls = paths.map((path) => `<url><loc> ${path} </loc></url>`)
  return `<?xml version="1.0"?><urlset>${urls.join('')}</urlset>`
}

/** Writes a file that is removed with the tests. @returns its path */
export async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(temporaryDirectory(), `${process.pid}-${name}`)
  await writeFile(path, content)
  return path
}
