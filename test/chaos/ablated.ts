import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Ablation } from './ablations.ts'

/** The folder of the compiled package. */
export const compiled = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Copies the compiled package without a mechanism.
 *
 * @returns the folder of the copy
 * @throws when a text that is to be cut does not stand in its file exactly once: the package has changed, and the
 *   ablation with it
 */
export async function ablated(name: string, { cuts }: Ablation): Promise<string> {
  const folder = join(compiled, '..', `chaos-without-${name}`)
  await rm(folder, { recursive: true, force: true })
  for (const part of ['src', 'adapters']) {
    await cp(join(compiled, part), join(folder, part), { recursive: true })
  }
  for (const { file, text, instead } of cuts) {
    const path = join(folder, file)
    const parts = (await readFile(path, 'utf8')).split(text)
    if (parts.length !== 2) {
      throw new Error(`${name}: "${text}" stands ${parts.length - 1} times in ${file}`)
    }
    await writeFile(path, parts.join(instead))
  }
  return folder
}
