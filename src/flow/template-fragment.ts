import type { EntityCollection, EntityRecord } from '../graph/entity.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import { scopeOf } from './exchange-scope.ts'
import type { Subjects } from './fragment-call.ts'
import type { FragmentDraft } from './fragment-draft.ts'
import type { FragmentOptions } from './fragment-options.ts'
import { fragmentIn, fragmentsIn } from './fragment.ts'
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
}

/** The functions for the templates of one response: `res.locals` in Express, `ctx.state` in Koa. */
export interface TemplateFunctions {
  readonly cacheFragment: TemplateFragment
  readonly cacheFragments: TemplateFragments
}

/** Bound to its response: an engine may call them where nobody knows any more which request they belong to. */
export function templateFunctions<Native>(facts: ExchangeFacts<Native>): TemplateFunctions {
  const scope = (): Scope => {
    const current = currentScope()
    return current?.root === facts.recording ? current : scopeOf(facts)
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a body that gives text at once makes a fragment that does
  return {
    cacheFragment: (name: string, ...given: readonly unknown[]) =>
      fragmentIn(scope(), name, given, false),
    cacheFragments: (name: string, ...given: readonly unknown[]) =>
      fragmentsIn(scope(), name, given, false),
  } as TemplateFunctions
}
