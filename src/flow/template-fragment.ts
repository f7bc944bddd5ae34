import type { EntityCollection, EntityRecord } from '../graph/entity.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import { scopeOf } from './exchange-scope.ts'
import type { Body, FragmentCall, Subjects } from './fragment-call.ts'
import { FragmentDraft } from './fragment-draft.ts'
import { isThenable } from './fragment-lookup.ts'
import type { FragmentOptions } from './fragment-options.ts'
import { fragmentIn, fragmentsIn } from './fragment.ts'
import { written } from './fragment-text.ts'
import { Recording } from './recording.ts'
import { type Scope, currentScope } from './scope.ts'

/** What a body in a template gives: text, or in an asynchronous engine a promise of it. */
type Text = string | Promise<string>

/**
 * cacheFragment() as templates have it: it gives the text at once, so that an engine that cannot await can write it, and a promise
 * only where the body gives one.
 *
 *   <%- cacheFragment('posts/card', post(row), () => include('card', { row })) %>
 */
export interface TemplateFragment {
  <Made extends Text>(name: string, body: (fragment: FragmentDraft) => Made): Made
  <Made extends Text>(
    name: string,
    subjects: Subjects | FragmentOptions,
    body: (fragment: FragmentDraft) => Made,
  ): Made
  <Made extends Text>(
    name: string,
    subjects: Subjects,
    options: FragmentOptions,
    body: (fragment: FragmentDraft) => Made,
  ): Made
  /** The same for one template: its digest joins the keys. For what connects an engine, as `cacheflow/views` does. */
  digested(digest: string | undefined): TemplateFragment
}

/** cacheFragments() as templates have it. */
export interface TemplateFragments {
  <Row, Made extends Text>(
    name: string,
    rows: readonly EntityRecord<Row>[] | EntityCollection<Row>,
    body: (row: Row, fragment: FragmentDraft) => Made,
  ): Made
  <Row, Made extends Text>(
    name: string,
    rows: readonly EntityRecord<Row>[] | EntityCollection<Row>,
    options: FragmentOptions,
    body: (row: Row, fragment: FragmentDraft) => Made,
  ): Made
  /** The same for one template: its digest joins the keys. */
  digested(digest: string | undefined): TemplateFragments
}

/** The functions for the templates of one response: `res.locals` in Express, `ctx.state` in Koa. */
export interface TemplateFunctions {
  readonly cacheFragment: TemplateFragment
  readonly cacheFragments: TemplateFragments
}

/** Bound to its response: an engine may call them where nobody knows any more which request they belong to. */
export function templateFunctions<Native>(facts: ExchangeFacts<Native>): TemplateFunctions {
  return functionsIn(() => {
    const current = currentScope()
    return current?.root === facts.recording ? current : scopeOf(facts)
  })
}

/** The same functions where there is no cache: they check their arguments, and run the body. */
export function uncachedFunctions(): TemplateFunctions {
  const recording = new Recording({ stamp: 0, asOf: 0 })
  const scope: Scope = {
    fragments: { show: (call, body) => made(call, body, recording) },
    recording,
    root: recording,
    visitor: undefined,
    fragment: undefined,
  }
  return functionsIn(() => scope)
}

function functionsIn(scope: () => Scope, digest?: string): TemplateFunctions {
  const digested = (other: string | undefined): TemplateFunctions => functionsIn(scope, other)
  const own = digest === undefined ? scope : (): Scope => ({ ...scope(), digest })
  const cacheFragment = (name: string, ...given: readonly unknown[]): Text =>
    fragmentIn(own(), name, given, false)
  const cacheFragments = (name: string, ...given: readonly unknown[]): Text =>
    fragmentsIn(own(), name, given, false)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a body that gives text at once makes a fragment that does
  return {
    cacheFragment: Object.assign(cacheFragment, {
      digested: (other: string | undefined) => digested(other).cacheFragment,
    }),
    cacheFragments: Object.assign(cacheFragments, {
      digested: (other: string | undefined) => digested(other).cacheFragments,
    }),
  } as TemplateFunctions
}

function made({ policy, where }: FragmentCall, body: Body<unknown>, recording: Recording): Text {
  const finish = (text: unknown): string => written(text, policy.form, where)
  const failed = (error: unknown): string => {
    if (policy.onError === undefined) throw error
    return written(policy.onError(error), 'html', `onError of ${where}`)
  }
  try {
    const text = body(new FragmentDraft(recording, undefined))
    return isThenable(text) ? Promise.resolve(text).then(finish).catch(failed) : finish(text)
  } catch (error) {
    return failed(error)
  }
}
