import { fail } from '../events/errors.ts'
import type { FragmentContext } from '../fragments/fragment-context.ts'
import type { DynamicIncludes } from './dynamic-includes.ts'
import { type Engine, engineFragments } from './engine.ts'
import { fragmentCalls } from './fragment-calls.ts'
import { type HandlebarsParser, addDigests, digestName } from './handlebars-digests.ts'

/** What is used of Handlebars 4. */
export interface Handlebars extends HandlebarsParser {
  registerHelper(name: string, helper: (...given: readonly unknown[]) => unknown): void
}

/** What is used of hbs 4. */
export interface Hbs {
  readonly handlebars: Handlebars
  __express: Engine
}

/** What Handlebars hands to a block helper behind its arguments. */
interface HelperOptions {
  readonly hash: Readonly<Record<string, unknown>>
  readonly data?: { readonly root?: unknown }
  fn(context: unknown): string
}

/** Where an asynchronous helper of hbs stands until the whole page is rendered: nobody else's page will know it. */
const placeholder = /__[A-Za-z_]{8}__/

/**
 * Registers a block helper, and puts the digests of the templates into the keys:
 *
 *   handlebarsFragments(handlebars)
 *
 *   {{#each rows}}{{#fragment "posts/card" (post this) maxAge="1h"}}<h2>{{title}}</h2>{{/fragment}}{{/each}}
 *
 * With `hbs` give it `hbs` itself: its views then take what they miss from Redis in one round trip. Register it before the first template is compiled.
 *
 * @param options `dynamic`: what templates include by computed names, as partials are named
 */
export function handlebarsFragments(
  given: Handlebars | Hbs,
  { dynamic }: DynamicIncludes = {},
): void {
  const handlebars = 'handlebars' in given ? given.handlebars : given
  if ('__express' in given) given.__express = engineFragments(given.__express)
  addDigests(handlebars, { dynamic })
  handlebars.registerHelper('fragment', function (this: unknown, ...args) {
    const [name, ...subjects] = args.slice(0, -1)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Handlebars calls every helper so
    const called = args.at(-1) as HelperOptions
    if (!('fn' in called)) {
      throw fail('ERR_CACHEFLOW_FRAGMENT', undefined, `{{fragment ${JSON.stringify(name)}}}`, {
        mend: 'Write it as a block: {{#fragment ...}}...{{/fragment}}.',
      })
    }
    const { hash, data } = called
    const { [digestName]: digest, ...options } = hash
    const { cacheFragment } = fragmentCalls(
      data?.root,
      typeof digest === 'string' ? digest : undefined,
    )
    return cacheFragment(name, madeOf(subjects), options, (context: FragmentContext) =>
      textOf(called.fn(this), context),
    )
  })
}

function madeOf(subjects: readonly unknown[]): unknown {
  return subjects.length === 1 ? subjects[0] : subjects.length === 0 ? undefined : subjects
}

function textOf(text: string, context: FragmentContext): string {
  if (placeholder.test(text)) context.noStore('an asynchronous helper of hbs is not finished')
  return text
}
