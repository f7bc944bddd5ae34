import { setTimeout as pause } from 'node:timers/promises'
import { CacheflowError, createCacheflow } from '../index.ts'
import type { InvalidationReceipt, InvalidationTarget } from '../invalidation/target.ts'
import { wholeNumber } from '../values/option-check.ts'
import { namespaceOf } from '../options/redis-options.ts'
import type { RedisClient } from '../redis/connection.ts'
import { diagnose } from './diagnosis.ts'
import type { Output } from './output.ts'
import { treeLines, treeOf } from './dependency-tree.ts'
import { holds, search } from './key-search.ts'
import { connected } from './redis-access.ts'
import { type StoredValue, RedisView } from './redis-view.ts'
import { type CommandName, type Typed, usageError, usages } from './usage.ts'

type RedisCommandName = Exclude<CommandName, 'warm'>

/** How long an instance may take to hear of Redis, milliseconds. */
const patience = 5_000
const MAX_LISTED = 1_000

/** Runs a command on what instances share in Redis. @param url where that is, if nobody typed it */
export async function redisCommand(
  name: RedisCommandName,
  typed: Typed,
  url: string | undefined,
  output: Output,
): Promise<number> {
  // What is wrong with the arguments is told before anybody is asked.
  const target = name === 'purge' ? targetOf(typed) : undefined
  const softness = softnessOf(typed)
  const namespace = namespaceOf(typed.text('namespace'), '--namespace')
  const limit = wholeNumber(typed.number('limit'), '--limit', MAX_LISTED)
  const client = await connected(typed.text('redis') ?? url)
  try {
    const view = new RedisView(client, namespace)
    if (target) return await purge(target, softness, client, namespace, typed, output)
    switch (name) {
      case 'get':
        return await get(view, typed, output)
      case 'ls':
        return await list(view, limit, typed, output)
      case 'why':
        return await why(view, typed, output)
      case 'stats':
        return await stats(view, typed, output)
      case 'doctor':
        return await doctor(view, typed, output)
      case 'purge':
        return 2
    }
  } finally {
    client.disconnect()
  }
}

interface Softly {
  readonly soft: boolean
  /** Milliseconds. */
  readonly spread?: number
}

function softnessOf(typed: Typed): Softly {
  const soft = typed.flag('soft')
  const spread = typed.duration('spread')
  if (spread === undefined) return { soft }
  if (soft) return { soft, spread }
  throw usageError(usages.purge, '--spread goes with --soft.')
}

function targetOf(typed: Typed): InvalidationTarget {
  const tags = typed.texts('tag')
  const given: InvalidationTarget[] = tags.length > 0 ? [{ tag: tags }] : []
  const [key, url, route, fragment] = ['key', 'url', 'route', 'fragment'].map((name) =>
    typed.text(name),
  )
  if (key !== undefined) given.push({ key })
  if (url !== undefined) given.push({ url })
  if (route !== undefined) given.push({ route })
  if (fragment !== undefined) given.push({ fragment })
  if (typed.flag('all')) given.push({ all: true })
  const [target, ...others] = given
  if (target !== undefined && others.length === 0) return target
  throw usageError(usages.purge, 'Give one of --tag, --key, --url, --route, --fragment or --all.')
}

async function purge(
  target: InvalidationTarget,
  softness: Softly,
  client: RedisClient,
  namespace: string,
  typed: Typed,
  output: Output,
): Promise<number> {
  const cache = createCacheflow({ redis: { client, namespace, commandTimeout: '2s' } })
  try {
    const end = performance.now() + patience
    while (cache.status()?.connected !== true && performance.now() < end) await pause(10)
    const receipt = await cache.invalidate(target, { ...softness, wait: 'all' })
    if (typed.flag('json')) output.json(receipt)
    else {
      const { sequence, instances } = receipt
      output.line(
        `number ${sequence}: ${outcomeOf(target, receipt, softness)}, confirmed by ${countOf(instances, 'instance')}`,
      )
    }
    return 0
  } catch (error) {
    if (error instanceof CacheflowError && error.code === 'ERR_CACHEFLOW_UNCONFIRMED') {
      throw new Error('Redis did not confirm the invalidation', { cause: error })
    }
    throw error
  } finally {
    await cache.close()
  }
}

/** What is softly invalidated nobody counts, and neither is all: instances and readers each find it for themselves. */
function outcomeOf(
  target: InvalidationTarget,
  { responses, fragments }: InvalidationReceipt,
  { soft, spread = 0 }: Softly,
): string {
  const isAll = 'all' in target
  const what = isAll ? 'everything' : 'what depends on it'
  if (!soft && isAll) return 'everything has fallen'
  if (!soft) return `${countOf(responses, 'response')} and ${countOf(fragments, 'fragment')}`
  if (spread === 0) return `${what} is stale`
  return `${what} becomes stale within ${spread / 1000} s`
}

function countOf(number: number, name: string): string {
  return `${number} ${name}${number === 1 ? '' : 's'}`
}

async function get(view: RedisView, typed: Typed, output: Output): Promise<number> {
  const { key, value, others } = await search(view, typed.argument ?? '')
  if (value === undefined) return absent(key, others, typed, output)
  const content = value.kind === 'value' ? await view.content(key, value) : undefined
  const staleAt = await view.freshUntil(key, value)
  const shown = { key, ...times(value, staleAt), ...(await view.validity(value)) }
  const about =
    content === undefined
      ? { kind: value.kind === 'variants' ? 'variants' : 'damaged', inputs: value.inputs }
      : content.kind === 'fragment'
        ? { kind: 'fragment', bytes: Buffer.byteLength(content.text), tags: content.tags }
        : {
            kind: 'response',
            status: content.status,
            bytes: content.body.byteLength,
            route: content.route,
            tags: content.tags,
            inputs: content.inputs,
          }
  return tell({ ...shown, ...about }, typed, output)
}

async function list(view: RedisView, limit: number, typed: Typed, output: Output): Promise<number> {
  const start = typed.argument ?? ''
  const found: string[] = []
  for await (const key of view.keys()) {
    if (found.length >= limit) break
    if (key.startsWith(start) && (await holds(view, key))) found.push(key)
  }
  if (typed.flag('json')) output.json(found)
  else for (const key of found) output.line(key)
  return 0
}

async function why(view: RedisView, typed: Typed, output: Output): Promise<number> {
  const { key, value, others } = await search(view, typed.argument ?? '')
  if (value === undefined) return absent(key, others, typed, output)
  if (value.kind === 'variants') return whyVariants(key, value, typed, output)
  const [hard, soft] = await Promise.all([
    view.numbersOf(value.dependencies),
    view.softNumbersOf(value.dependencies),
  ])
  const dependencies = value.dependencies.map((name, i) => ({
    name,
    invalidated: hard[i] ?? 0,
    softened: soft[i] ?? 0,
  }))
  const tree = treeOf(key, await view.dependencyMap(key, value))
  const { fresh, stale } = times(value, await view.freshUntil(key, value))
  const { contains: encloses } = tree
  const shown = {
    ...{ key, startSequence: value.startSequence, ...(await view.validity(value)), fresh },
    ...{ dependencies, encloses },
  }
  if (typed.flag('json')) output.json(shown)
  else {
    const untilWhen = fresh ? `, fresh until ${stale}` : ', but stale'
    const state = shown.valid ? `valid${untilWhen}` : `not valid: ${shown.reason}`
    output.line(`${key}: ${state}, as of number ${value.startSequence}`)
    const known = new Map(dependencies.map((each) => [each.name, each]))
    const describe = (name: string): string => {
      const { invalidated = 0, softened = 0 } = known.get(name) ?? {}
      const last = invalidated > 0 ? `, invalidated last by number ${invalidated}` : ''
      const softly = softened > 0 ? `, softly by number ${softened}` : ''
      return (
        name + last + softly + (invalidated > value.startSequence ? ' <- not valid by this' : '')
      )
    }
    for (const line of treeLines(tree, describe)) output.line(line)
  }
  return 0
}

/** A page with variants rests under the keys of these; its own names what selects them. */
function whyVariants(key: string, { inputs }: StoredValue, typed: Typed, output: Output): number {
  if (typed.flag('json')) output.json({ key, kind: 'variants', inputs })
  else {
    output.line(
      `${key} has variants, by ${inputs.join(', ')}: npx cacheflow ls '${key} vary' names their keys`,
    )
  }
  return 0
}

async function stats(view: RedisView, typed: Typed, output: Output): Promise<number> {
  const [epoch, sequence, live = ''] = await view.state('epoch', 'seq', 'live')
  const memory = await view.info('memory')
  const entries = await view.count()
  const shown = {
    entries,
    epoch,
    sequence: Number(sequence ?? 0),
    instances: [...live.matchAll(/^\S+ (\d+)/gm)].filter(([, till]) => Number(till) > Date.now())
      .length,
    memory: Number(memory.get('used_memory') ?? 0),
    maxMemory: Number(memory.get('maxmemory') ?? 0),
    // An empty one is mostly the wrong one.
    namespaces: epoch === undefined || entries === 0 ? await view.namespaces() : undefined,
  }
  return tell(shown, typed, output)
}

async function doctor(view: RedisView, typed: Typed, output: Output): Promise<number> {
  const findings = await diagnose(view)
  if (typed.flag('json')) output.json(findings)
  else for (const { ok, text } of findings) output.line(`${ok ? 'ok   ' : 'wrong'} ${text}`)
  return findings.every(({ ok }) => ok) ? 0 : 1
}

function absent(key: string, others: readonly string[], typed: Typed, output: Output): number {
  if (typed.flag('json')) output.json({ key, kind: 'none', others })
  else if (others.length === 0) output.line(`nothing is stored under ${key}`)
  else {
    output.line(`several keys are stored for ${key}:`)
    for (const other of others) output.line(`  ${other}`)
  }
  return 1
}

interface Times {
  readonly made: string | undefined
  readonly stale: string | undefined
  readonly fresh: boolean | undefined
  readonly keptFor: number
}

function times({ kind, renderedAt: madeAt, ttl }: StoredValue, staleAt: number): Times {
  const timestamp = (time: number): string | undefined =>
    time > 0 && time < 8.64e15 ? new Date(time).toISOString() : undefined
  const fresh = kind === 'variants' ? undefined : staleAt > Date.now()
  return { made: timestamp(madeAt), stale: timestamp(staleAt), fresh, keptFor: ttl }
}

function tell(shown: Readonly<Record<string, unknown>>, typed: Typed, output: Output): number {
  if (typed.flag('json')) output.json(shown)
  else {
    for (const [name, value] of Object.entries(shown)) {
      const text: unknown = value ?? ''
      if (text !== '') output.line(`${name.padEnd(10)} ${plain(text)}`)
    }
  }
  return 0
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
