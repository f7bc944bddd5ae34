import { fileReading, isCodeOf } from '../../src/adapter.ts'

/** Stores of sessions that hand on what they are asked for, and nothing else. */
const stores = ['koa-redis']

/** What koa-session keeps of one context. */
interface ContextSession {
  readonly ctx: unknown
  readonly store: object | undefined
  readonly opts: object
  readonly externalKey?: unknown
}

/**
 * Does koa-session read its cookie to find the session of this context in a store, before anybody has asked for it? What it
 * finds is then seen by `ctx.session` alone. A store of the application's own is given the context, and can put there what it
 * likes; so can functions among the options that are shown what was found.
 */
export function isStoredBySession(ctx: object, below: (...args: never[]) => unknown): boolean {
  const file = fileReading('koa-session', below)
  if (file === undefined) return false
  const session = sessionOf(ctx)
  if (session?.store === undefined || session.externalKey !== undefined) return false
  const { store, opts } = session
  const hears = ['valid', 'ContextStore', 'externalKey'].some((name) =>
    Boolean(Reflect.get(opts, name)),
  )
  return !hears && isCodeOf(Reflect.get(store, 'get'), stores, file)
}

function sessionOf(ctx: object): ContextSession | undefined {
  for (const symbol of Object.getOwnPropertySymbols(ctx)) {
    const kept: unknown = Reflect.get(ctx, symbol)
    if (isContextSession(kept) && kept.ctx === ctx) return kept
  }
  return undefined
}

function isContextSession(kept: unknown): kept is ContextSession {
  return (
    typeof kept === 'object' &&
    kept !== null &&
    'ctx' in kept &&
    'store' in kept &&
    'opts' in kept &&
    typeof kept.opts === 'object'
  )
}
