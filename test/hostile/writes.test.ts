import type { RequestListener } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import {
  type CacheHandle,
  cacheFragment,
  cacheFragments,
  dependsOn,
  entity,
  track,
} from 'cacheflow'
import fc from 'fast-check'
import { describe } from 'vitest'
import { Sequence } from '../../src/invalidation/sequence.ts'
import type { Application } from '../support/application.ts'
import { type ExpressStage, type KoaStage, expressStages, koaStages } from '../support/stages.ts'
import { Difference, type Property, type Tally, explore, isLong } from './explore.ts'
import { isHit, stands } from './stand.ts'

interface Comment {
  readonly id: number
  postId: number
  text: number
  updatedAt: number
}
interface Post {
  readonly id: number
  title: number
  updatedAt: number
}

const post = entity<Post>('post')
const comment = entity<Comment>('comment', {
  touch: (row) => post.ref(row.postId),
  lists: (row) => `post=${row.postId}`,
})
const posts = [1, 2, 3] as const

/** The rows, and how often each page was made of them. */
class Database {
  readonly posts: Post[] = posts.map((id) => ({ id, title: 0, updatedAt: 1 }))
  readonly comments: Comment[] = [11, 12, 21, 31].map((id) => ({
    ...{ id, postId: Math.floor(id / 10), text: 0, updatedAt: 1 },
  }))
  #count = 1
  /** Readers go on when this resolves. */
  gate: Promise<void> | undefined

  /** Numbers that only grow: what a page shows tells when it was read. */
  next(): number {
    return ++this.#count
  }

  of(postId: number): Comment[] {
    return this.comments.filter((row) => row.postId === postId).map((row) => ({ ...row }))
  }
}

const pages = ['/', '/posts/1', '/posts/2', '/posts/3', '/count', '/titles', '/lists'] as const
type Page = (typeof pages)[number]

/** What a page shows by its rows, with the cache's calls or as they are without them. */
async function shown(page: string, database: Database, isCached: boolean): Promise<string> {
  const fragment = async (name: string, row: Post, body: () => Promise<string>): Promise<string> =>
    isCached ? cacheFragment(name, post(row), body) : body()
  const item = (row: Comment): string => `<li>${row.id}: ${row.text}</li>`
  const card = async (row: Post): Promise<string> =>
    fragment('card', row, async () => {
      const rows = database.of(row.id)
      if (isCached) dependsOn(comment.list(`post=${row.id}`))
      await database.gate
      const items = isCached
        ? await cacheFragments('item', rows.map(comment), item)
        : rows.map(item).join('')
      return `<h2>${row.title}</h2>${items}`
    })
  if (page === '/') {
    const all = database.posts.map((row) => ({ ...row }))
    const cards = await Promise.all(all.map(card))
    return cards.join('')
  }
  if (page === '/count') {
    const counts = posts.map((id) => ({ id, count: database.of(id).length }))
    if (isCached)
      track(
        posts.map((id) => post.ref(id)),
        () => undefined,
      )
    await database.gate
    return counts.map(({ id, count }) => `${id} has ${count}`).join()
  }
  if (page === '/lists') {
    const lists = posts.map(async (id) => {
      const rows = database.of(id)
      await database.gate
      if (!isCached) return rows.map(item).join('')
      return cacheFragments('line', comment.all(rows, `post=${id}`), item)
    })
    return (await Promise.all(lists)).join('<hr>')
  }
  if (page === '/titles') {
    const titles = database.posts.map(({ title }) => title).join()
    await database.gate
    return titles
  }
  const row = database.posts.find(({ id }) => page === `/posts/${id}`)
  return row ? card({ ...row }) : 'no page'
}

/** What falls with a change, and so what may be made anew. */
function pagesOf(postId: number): Page[] {
  return ['/', `/posts/${postId}` as Page, '/count', '/lists']
}

type Step =
  | { readonly do: 'ask'; readonly page: Page; readonly times: number }
  | { readonly do: 'edit'; readonly id: number; readonly by: 'touch' | 'updates' | 'invalidate' }
  | {
      readonly do: 'move'
      readonly id: number
      readonly to: number
      readonly by: 'touch' | 'updates' | 'updates alone'
    }
  | { readonly do: 'create'; readonly to: number }
  | { readonly do: 'title'; readonly id: number; readonly by: 'touch' | 'invalidate' | 'POST' }
  | { readonly do: 'post'; readonly to: Page }

interface Plan {
  readonly steps: readonly (Step & { readonly races: boolean })[]
}

const page = fc.constantFrom(...pages)
const id = fc.constantFrom(11, 12, 21, 31)
const to = fc.constantFrom(...posts)
const races = fc.boolean()
const plans: fc.Arbitrary<Plan> = fc.record({
  steps: fc.array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          ...{ do: fc.constant('ask' as const), page, races: fc.constant(false) },
          times: fc.constantFrom(1, 1, 3),
        }),
      },
      fc.record({
        ...{ do: fc.constant('edit' as const), id, races },
        by: fc.constantFrom('touch', 'updates', 'invalidate'),
      }),
      fc.record({
        ...{ do: fc.constant('move' as const), id, to, races },
        by: fc.constantFrom('touch', 'updates', ...(isLong ? (['updates alone'] as const) : [])),
      }),
      fc.record({
        ...{ do: fc.constant('title' as const), id: to, races },
        by: fc.constantFrom('touch', 'invalidate', 'POST'),
      }),
      fc.record({ do: fc.constant('create' as const), to, races }),
      fc.record({ do: fc.constant('post' as const), to: page, races: fc.constant(false) }),
    ),
    { minLength: 5, maxLength: 40, size: 'max' },
  ),
})

type Stage =
  | { readonly kind: 'express'; readonly stage: ExpressStage }
  | { readonly kind: 'koa'; readonly stage: KoaStage }

interface Shop {
  readonly database: Database
  readonly made: string[]
  readonly cache: CacheHandle
}

function open(given: Stage, clock: Application): Shop & { readonly listener: RequestListener } {
  const database = new Database()
  const made: string[] = []
  const shop: { cache?: CacheHandle } = {}
  const answer = async (
    method: string | undefined,
    target: string,
    go: (to: string) => void,
  ): Promise<string | undefined> => {
    if (method === 'POST') {
      const [, title, back] = /^\/save\/(\d*)\?to=(.*)$/.exec(target) ?? []
      const row = database.posts.find((each) => String(each.id) === title)
      if (row) {
        row.title = row.updatedAt = database.next()
        await shop.cache?.touch(post(row))
        await shop.cache?.invalidate({ tag: 'titles' })
      }
      go(decodeURIComponent(back ?? '/'))
      return undefined
    }
    made.push(target)
    return shown(target, database, true)
  }
  const mounted =
    given.kind === 'express'
      ? given.stage.mount(
          {
            handler: async (request, response) => {
              if (request.path === '/titles') response.locals['cacheflow'].tag('titles')
              const text = await answer(request.method, request.originalUrl, (target) => {
                response.redirect(303, target)
              })
              if (text !== undefined) response.send(text)
            },
          },
          clock,
        )
      : given.stage.mount(
          {
            handler: async (ctx) => {
              if (ctx.path === '/titles') ctx.state.cacheflow.tag('titles')
              const text = await answer(ctx.method, ctx.originalUrl, (target) => {
                ctx.status = 303
                ctx.redirect(target)
              })
              if (text !== undefined) ctx.body = `<!doctype html>${text}`
            },
          },
          clock,
        )
  shop.cache = mounted.cache
  return { database, made, cache: mounted.cache, listener: mounted.listener }
}

/** Carries out a change, and tells the cache of it. @returns the pages that show it */
async function change(step: Step, { database, cache }: Shop): Promise<Page[]> {
  switch (step.do) {
    case 'ask':
      return []
    case 'edit': {
      const row = database.comments.find((each) => each.id === step.id)
      if (!row) return []
      const save = (): Comment => {
        row.text = row.updatedAt = database.next()
        return row
      }
      if (step.by === 'updates') await cache.updates(comment, save)()
      else {
        save()
        if (step.by === 'touch') await cache.touch(comment(row))
        else await cache.invalidate(comment.ref(row.id))
      }
      return pagesOf(row.postId)
    }
    case 'move': {
      const row = database.comments.find((each) => each.id === step.id)
      if (!row) return []
      const before = { ...row }
      const save = (): Comment => {
        row.postId = step.to
        row.updatedAt = database.next()
        return { ...row }
      }
      if (step.by === 'updates') {
        await cache.updates(comment, save, { was: () => before })()
      } else if (step.by === 'updates alone') {
        await cache.updates(comment, save)()
      } else {
        const after = save()
        await cache.touch(comment(before), comment(after))
      }
      return [...pagesOf(before.postId), ...pagesOf(row.postId)]
    }
    case 'title': {
      const row = database.posts.find((each) => each.id === step.id)
      if (!row) return []
      if (step.by === 'POST') {
        await cached.ask(`/save/${row.id}?to=%2Fdone`, {}, { method: 'POST' })
      } else {
        row.title = row.updatedAt = database.next()
        if (step.by === 'touch') await cache.touch(post(row))
        else await cache.invalidate(post.ref(row.id))
        await cache.invalidate({ tag: 'titles' })
      }
      return [...pagesOf(row.id).filter((each) => each !== '/lists'), '/titles']
    }
    case 'create': {
      const count = database.next()
      const row = { id: 100 + count, postId: step.to, text: count, updatedAt: count }
      database.comments.push(row)
      await cache.touch(comment(row))
      return pagesOf(step.to)
    }
    case 'post':
      await cached.ask(`/save/?to=${encodeURIComponent(step.to)}`, {}, { method: 'POST' })
      return []
  }
}

const { cached } = stands()

async function carriedOut(given: Stage, { steps }: Plan, tally: Tally): Promise<void> {
  const clock = { now: Date.UTC(2026, 2, 4, 12), runs: 0 } as Application
  const shop = open(given, clock)
  const { database, made } = shop
  cached.listener = shop.listener
  await cached.ask('/the-first-request')
  /** Pages that were made and contain nothing that has changed since. */
  const valid = new Set<string>()
  const transcript: string[] = []
  for (const { races: isRace, ...step } of steps) {
    clock.now += 10
    if (step.do !== 'ask') {
      transcript.push(JSON.stringify({ ...step, races: isRace }))
      let release = (): void => undefined
      let early: Promise<unknown> = Promise.resolve()
      if (isRace) {
        // Readers have read and wait, the change comes, and then they go on.
        database.gate = new Promise((resolve) => (release = resolve))
        early = Promise.all(pages.map((each) => cached.ask(each)))
        for (let i = 0; i < 40; i++) await turn()
      }
      for (const each of await change(step, shop)) valid.delete(each)
      database.gate = undefined
      if (isRace) {
        // Who comes now, behind the change, must not get what the early ones read.
        const late = Promise.all(pages.map((each) => cached.ask(each)))
        release()
        await early
        for (const [index, answer] of (await late).entries()) {
          await compare(pages[index] ?? '/', answer, 'beside a race')
        }
        for (const each of pages) valid.delete(each)
      }
      continue
    }
    const before = made.length
    const answers = await Promise.all(
      Array.from({ length: step.times }, () => cached.ask(step.page)),
    )
    for (const answer of answers) await compare(step.page, answer, '')
    if (valid.has(step.page) && made.length > before) {
      throw new Difference(`${step.page} was made again, and nothing in it has changed`, transcript)
    }
    valid.add(step.page)
  }

  async function compare(
    target: Page,
    answer: Awaited<ReturnType<typeof cached.ask>>,
    how: string,
  ): Promise<void> {
    tally.steps++
    if (isHit(answer)) tally.hits++
    const expected = await shown(target, database, false)
    const text = answer.body.replace('<!doctype html>', '')
    transcript.push(`GET ${target} ${how}: ${text} (${answer.headers['cache-status']})`)
    if (answer.status !== 200 || text !== expected) {
      throw new Difference(`GET ${target} ${how}: without the cache it is ${expected}`, transcript)
    }
  }
}

describe('INV1, INV7: nothing older than the last awaited invalidation, and nothing else made anew', () => {
  const stages: readonly Stage[] = [
    ...expressStages.map((stage) => ({ kind: 'express' as const, stage })),
    ...koaStages.map((stage) => ({ kind: 'koa' as const, stage })),
  ]
  for (const given of stages) {
    const property: Property<Plan> = {
      plans,
      run: (plan, tally) => carriedOut(given, plan, tally),
      share: 12 / stages.length,
      steps: 60,
      stepsPerPlan: 45,
      leastHits: 0.1,
      features: ({ steps }) =>
        new Set(
          steps.flatMap((step) => {
            if (step.do === 'ask') return []
            return [
              `${step.do}${'by' in step ? ` by ${step.by}` : ''}${step.races ? ', racing' : ''}`,
            ]
          }),
        ),
    }
    explore(given.stage.name, property)
    if (given !== stages[0]) continue
    explore(`${given.stage.name}, without the fence behind a making`, {
      ...property,
      without: () => {
        const fence = Sequence.prototype.invalidatedBy
        Sequence.prototype.invalidatedBy = () => undefined
        return () => (Sequence.prototype.invalidatedBy = fence)
      },
    })
  }
})
