import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** "`views/posts.ejs`:" and the block below it. */
const named = /^`([\w.-]+(?:\/[\w.-]+)+)`:\n\n(`{3,})text\n([^]*?)^\2[ \t]*$/gm

/** Writes the files that a document shows into a folder, where its programs find them. */
export function writeFiles(folder: string, markdown: string): string[] {
  return Array.from(markdown.matchAll(named), ([, path = '', , text = '']) => {
    const file = join(folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    return path
  })
}
