import { fail } from '../events/errors.ts'
import { type Call, type FragmentCalls, fragmentCalls, isCall } from './fragment-calls.ts'

/** Sets what a template has written so far, and gives what it was. */
export type Exchange = (text: string) => string

/** A call whose body may be a block of a template. */
export interface BlockCall {
  (...given: readonly unknown[]): unknown
  /** Writes the text where it stands, instead of giving it. */
  readonly block: Call
  /** The call without the capture, for another template. */
  readonly digested: Call
}

/** The calls of one template, whose bodies may write into it instead of returning text. */
export interface BlockCalls {
  readonly cacheFragment: BlockCall
  readonly cacheFragments: BlockCall
}

export function blockCalls(
  locals: unknown,
  digest: string | undefined,
  exchange: Exchange,
): BlockCalls {
  const calls = fragmentCalls(locals, digest)
  const blockCall = (name: keyof FragmentCalls): BlockCall => {
    const call: Call = (...given) =>
      calls[name](...given.slice(0, -1), captured(given.at(-1), exchange))
    return Object.assign((...given: readonly unknown[]) => call(...given), {
      block: (...given: readonly unknown[]) => {
        append(call(...given), exchange)
      },
      digested: (other: unknown) =>
        fragmentCalls(locals, typeof other === 'string' ? other : undefined)[name],
    })
  }
  return { cacheFragment: blockCall('cacheFragment'), cacheFragments: blockCall('cacheFragments') }
}

/** Writes the text of a fragment. A template that goes on meanwhile cannot wait for a promise of it. */
export function append(text: unknown, exchange: Exchange): void {
  if (typeof text === 'string') {
    exchange(exchange('') + text)
    return
  }
  // Nobody else hears of its failure.
  Promise.resolve(text).catch(() => undefined)
  throw asynchronous(text)
}

/** A body that gives the text that it wrote, where it returns none. */
export function captured(body: unknown, exchange: Exchange): unknown {
  if (!isCall(body)) return body
  return (...given: readonly unknown[]): unknown => {
    const before = exchange('')
    let text = ''
    let made: unknown
    try {
      made = body(...given)
    } finally {
      text = exchange(before)
    }
    if (made === undefined) return text
    if (text === '') return made
    throw asynchronous(made)
  }
}

function asynchronous(given: unknown): Error {
  return fail('ERR_CACHEFLOW_FRAGMENT', given, 'a block of a template', {
    mend: 'A block writes its text at once and returns nothing. What has to be awaited gives its text: await cacheFragment(name, () => include(...)).',
  })
}
