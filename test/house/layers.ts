import { resolveImport, type SourceFile } from './imports.ts'

/** From the ground up. A file imports from its own row and from the rows before it. */
const layers: readonly (readonly string[])[] = [
  ['src/events/'],
  ['src/values/'],
  ['src/html/'],
  ['src/http/'],
  ['src/invalidation/'],
  ['src/entities/'],
  ['src/store/'],
  ['src/codec/'],
  ['src/redis/'],
  ['src/fragments/'],
  ['src/request/'],
  ['src/privacy/'],
  ['src/response/'],
  ['src/views/'],
  ['src/node/'],
  ['src/warming/'],
  ['src/options/'],
  ['src/cacheflow.ts'],
  ['src/adapter.ts', 'src/index.ts'],
  ['src/cli/'],
  ['adapters/'],
]

/** What an adapter sees of the package. */
const port: ReadonlySet<string> = new Set(['src/index.ts', 'src/adapter.ts'])

/** The packages each part may name, as a type too. `node:` is everybody's. */
const packages: Readonly<Record<string, readonly string[]>> = {
  'src/': ['etag', 'lru-cache'],
  // The user's own, asked for by a command or an option alone.
  'src/cli/': ['ioredis'],
  'src/warming/cron-schedule.ts': ['croner'],
  'src/warming/sitemap-text.ts': ['saxes'],
  'adapters/express/': ['express'],
  'adapters/koa/': ['koa'],
}

/** A file that may be longer, and why. */
const longer: Readonly<Record<string, string>> = {}
const maxLines = 300

/** Every breach of the order, as a sentence. */
export function breaches(files: readonly SourceFile[]): string[] {
  return [...files.flatMap(breachesOf), ...cycles(files)]
}

function breachesOf({ path, lines, imports }: SourceFile): string[] {
  const found: string[] = []
  if (layerOf(path) === -1) found.push(`${path} stands in no layer: name it in layers`)
  if (lines > maxLines && !(path in longer)) {
    found.push(`${path} has ${lines} lines, more than ${maxLines}`)
  }
  for (const specifier of imports) {
    const target = resolveImport(path, specifier)
    if (target === specifier) {
      if (!mayName(path, specifier)) found.push(`${path} imports the package ${specifier}`)
    } else if (layerOf(target) === -1) {
      found.push(`${path} imports ${target}, which stands in no layer`)
    } else if (layerOf(target) > layerOf(path)) {
      found.push(`${path} imports ${target}, which stands above it`)
    } else if (!isReachable(path, target)) {
      found.push(`${path} imports ${target}: adapters see ${[...port].join(', ')} only`)
    }
  }
  return found
}

function layerOf(path: string): number {
  return layers.findIndex((row) =>
    row.some((name) => (name.endsWith('/') ? path.startsWith(name) : path === name)),
  )
}

function mayName(path: string, name: string): boolean {
  if (name.startsWith('node:')) return true
  return Object.entries(packages).some(
    ([folder, names]) => path.startsWith(folder) && names.includes(name),
  )
}

function isReachable(path: string, target: string): boolean {
  if (!path.startsWith('adapters/')) return true
  const own = path.split('/', 2).join('/') + '/'
  return port.has(target) || target.startsWith(own)
}

/** Every cycle once, from its first file in the alphabet: `a.ts -> b.ts -> a.ts`. */
function cycles(files: readonly SourceFile[]): string[] {
  const edges = new Map(
    files.map(({ path, imports }) => [path, imports.map((each) => resolveImport(path, each))]),
  )
  const found = new Set<string>()
  const done = new Set<string>()
  const walk = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start !== -1) {
      found.add(round(trail.slice(start)))
      return
    }
    if (done.has(path)) return
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path])
    done.add(path)
  }
  for (const path of edges.keys()) walk(path, [])
  return [...found]
}

function round(ring: readonly string[]): string {
  const first = ring.indexOf(ring.toSorted()[0] ?? '')
  const turned = [...ring.slice(first), ...ring.slice(0, first)]
  return `a cycle: ${[...turned, turned[0]].join(' -> ')}`
}
