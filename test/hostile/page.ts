import { setImmediate as turn, setTimeout as timer } from 'node:timers/promises'
import fc from 'fast-check'
import type { Duration, FragmentOptions } from 'cacheflow'
import { type Sight, type Ways, fields, kindOf, nothing, seen } from './ways.ts'

/**
 * A piece of a page: it shows what it looks at, chooses between others by it, stands in a fragment, or comes in a later
 * turn. Pieces are data, so that a failing page can be read.
 */
export type Piece =
  | { readonly do: 'show'; readonly way: string }
  | { readonly do: 'field'; readonly way: string }
  | { readonly do: 'choose'; readonly way: string; readonly between: readonly (readonly Piece[])[] }
  | { readonly do: 'fragment'; readonly as: FragmentPlan; readonly of: readonly Piece[] }
  | { readonly do: 'later'; readonly by: Later; readonly of: readonly Piece[] }

/** By the loop, by a timer, or in a callback out of a pool's queue. */
type Later = 'turn' | 'timer' | 'pool'

interface FragmentPlan {
  readonly vary?: readonly string[]
  readonly maxAge?: Duration
  readonly hasSession?: boolean
}

/** How a page is put together in one application. */
export interface Press {
  readonly ways: Ways
  readonly pool: Pool
  fragment(
    name: string,
    options: FragmentOptions,
    body: () => Promise<string>,
    sight: Sight,
  ): string | Promise<string>
  setField(sight: Sight, name: string, value: string): void
}

export async function made(
  pieces: readonly Piece[],
  press: Press,
  sight: Sight,
  name = 'f',
): Promise<string> {
  let text = ''
  for (const [index, piece] of pieces.entries()) {
    text += await one(piece, press, sight, `${name}-${index}`)
  }
  return text
}

async function one(piece: Piece, press: Press, sight: Sight, name: string): Promise<string> {
  switch (piece.do) {
    case 'show':
      return `<p>${seen(press.ways[piece.way], sight)}</p>`
    case 'field': {
      // A body's only effect is its text: a fragment that comes from the cache sets no fields.
      if (name.includes('F')) return `<p>${seen(press.ways[piece.way], sight)}</p>`
      const value = seen(press.ways[piece.way], sight)
      press.setField(sight, `X-Seen-${name}`, encodeURIComponent(value).slice(0, 200))
      return ''
    }
    case 'choose': {
      const index = sum(seen(press.ways[piece.way], sight)) % piece.between.length
      return `<b>${index}</b>${await made(piece.between[index] ?? [], press, sight, `${name}-${index}`)}`
    }
    case 'fragment': {
      const { vary, maxAge, hasSession = false } = piece.as
      const options: FragmentOptions = {
        ...(vary && { vary }),
        ...(maxAge !== undefined && { maxAge }),
        ...(hasSession && { session: everything(sight) }),
      }
      return press.fragment(name, options, () => made(piece.of, press, sight, `${name}F`), sight)
    }
    case 'later':
      if (piece.by === 'turn') await turn()
      if (piece.by === 'timer') await timer(1)
      if (piece.by === 'pool') return press.pool.query(() => made(piece.of, press, sight, name))
      return made(piece.of, press, sight, name)
  }
}

/** Who the visitor is, by everything that says so: an honest `session`. */
export function everything(sight: Sight): string {
  const { rawHeaders, socket, url } = sight.raw
  return String(sum(JSON.stringify([rawHeaders, socket.remoteAddress, url])))
}

function sum(text: string): number {
  return Array.from(text).reduce(
    (total, char) => (total * 31 + (char.codePointAt(0) ?? 0)) % 65_521,
    7,
  )
}

/** Connections as a driver of a database pools them: a query that waits is called by the request that releases one. */
export class Pool {
  #isBusy = false
  readonly #waiting: (() => void)[] = []

  query<Result>(callback: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const start = (): void => {
        this.#isBusy = true
        setImmediate(() => {
          callback().then(resolve, reject)
          this.#isBusy = false
          this.#waiting.shift()?.()
        })
      }
      if (this.#isBusy) this.#waiting.push(start)
      else start()
    })
  }
}

/** Pages of up to a dozen pieces that look by the given ways. */
export function pages(ways: readonly string[], isPlain = false): fc.Arbitrary<readonly Piece[]> {
  const way = fc.constantFrom(...ways)
  const as = fc.oneof(
    { weight: 6, arbitrary: fc.constant<FragmentPlan>({}) },
    fc.record<FragmentPlan>(
      {
        vary: fc.subarray([...fields.filter((field) => field !== 'cookie')], { maxLength: 2 }),
        maxAge: fc.constantFrom<Duration>('1m', '1h'),
        hasSession: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
  )
  const { pieces } = fc.letrec<{ piece: Piece; pieces: readonly Piece[] }>((tie) => ({
    pieces: fc.array(tie('piece'), { minLength: 1, maxLength: 3 }),
    piece: fc.oneof(
      { depthSize: 'small', maxDepth: 4 },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('show' as const), way }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('field' as const), way }) },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant('choose' as const),
          way,
          between: fc.array(tie('pieces'), { minLength: 2, maxLength: 3 }),
        }),
      },
      {
        weight: isPlain ? 0 : 3,
        arbitrary: fc.record({ do: fc.constant('fragment' as const), as, of: tie('pieces') }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constant('later' as const),
          by: fc.constantFrom<Later>('turn', 'timer', 'pool', 'pool'),
          of: tie('pieces'),
        }),
      },
    ),
  }))
  return pieces
}

/** Where and by what a page looks: `fragment: ctx.host`, `page: spread of noise`. */
export function looks(
  pieces: readonly Piece[],
  where = 'page',
  found = new Set<string>(),
): Set<string> {
  for (const piece of pieces) {
    if ('way' in piece && piece.way !== nothing) {
      const kind = kindOf(piece.way)
      found.add(kind === 'a copy' ? kind : `${where}: ${kind}`)
    }
    if (piece.do === 'choose') for (const each of piece.between) looks(each, where, found)
    if (piece.do === 'fragment') looks(piece.of, where.replace('page', 'fragment'), found)
    if (piece.do === 'later') looks(piece.of, piece.by === 'pool' ? `${where}, pool` : where, found)
  }
  return found
}
