import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// As the manual has them: docs/redis.md, "Access".
const manual = fileURLToPath(new URL('../../docs/redis.md', import.meta.url))
const text = readFileSync(manual, 'utf8')

/** What the user of a cache may do. */
export const accessRules: readonly string[] = (
  /^user cacheflow on >secret ([^]*?)\n```/m.exec(text)?.[1] ?? ''
).split(/\s+/)

/** What it has to be allowed in a Cluster beside. */
export const clusterRules: readonly string[] = (
  /In a Cluster add `([^`]+)`/.exec(text)?.[1] ?? ''
).split(' ')
