import type { EntityCollection, EntityRecord } from '../entities/entity.ts'
import type { Body, FragmentCall, Subjects } from './fragment-call.ts'
import { FragmentContext } from './fragment-context.ts'
import { isThenable } from './lookup.ts'
import type { FragmentOptions } from './fragment-options.ts'
import { fragmentIn, fragmentsIn } from './cache-fragment.ts'
import { noted } from './fragment-promise.ts'
import { written } from './output.ts'
import { DependencyTracker } from './dependency-tracker.ts'
import { Rendering } from './multi-pass.ts'
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
  <Made extends Text>(name: string, body: (fragment: FragmentContext) => Made): Made
  <Made extends Text>(
    name: string,
    subjects: Subjects | FragmentOptions,
    body: (fragment: FragmentContext) => Made,
  ): Made
  <Made extends Text>(
    name: string,
    subjects: Subjects,
    options: FragmentOptions,
    body: (fragment: FragmentContext) => Made,
  ): Made
  /** The same for one template: its digest joins the keys. For what connects an engine, as `cacheflow/views` does. */
  digested(digest: string | undefined): TemplateFragment
  /**
   * Renders a view whose fragments may rest in Redis: they are read together, and the view is rendered again with them. For what
   * connects an engine.
   *
   * @param view its name, such as its path: what it shows is remembered under it, and read before it is rendered the next time
   * @param render may run several times. It is given the functions that the view has to have in this pass, or none where those in
   *   its locals do
   */
  replayed(
    view: string,
    render: (functions: TemplateFunctions | undefined) => string | Promise<string>,
  ): string | Promise<string>
}

/** cacheFragments() as templates have it. */
export interface TemplateFragments {
  <Row, Made extends Text>(
    name: string,
    rows: readonly EntityRecord<Row>[] | EntityCollection<Row>,
    body: (row: Row, fragment: FragmentContext) => Made,
  ): Made
  <Row, Made extends Text>(
    name: string,
    rows: readonly EntityRecord<Row>[] | EntityCollection<Row>,
    options: FragmentOptions,
    body: (row: Row, fragment: FragmentContext) => Made,
  ): Made
  /** The same for one template: its digest joins the keys. */
  digested(digest: string | undefined): TemplateFragments
}

/** The functions for the templates of one response: `res.locals` in Express, `ctx.state` in Koa. */
export interface TemplateFunctions {
  readonly cacheFragment: TemplateFragment
  readonly cacheFragments: TemplateFragments
}

/** The same functions where there is no cache: they check their arguments, and run the body. */
export function uncachedFunctions(): TemplateFunctions {
  const tracker = new DependencyTracker({ startSequence: 0, verifiedAt: 0 })
  const scope: Scope = {
    fragments: {
      reads: undefined,
      isStrict: false,
      none: () => undefined,
      show: (call, body) => made(call, body, tracker),
      distrustContext: () => undefined,
    },
    tracker,
    root: tracker,
    visitor: undefined,
    fragment: undefined,
  }
  return templateFunctions(() => scope)
}

/** Bound to its response: an engine may call them where nobody knows any more which request they belong to. */
export function templateFunctions(scope: () => Scope, digest?: string): TemplateFunctions {
  const digested = (other: string | undefined): TemplateFunctions => templateFunctions(scope, other)
  const own = digest === undefined ? scope : (): Scope => ({ ...scope(), digest })
  const cacheFragment = (name: string, ...given: readonly unknown[]): Text =>
    writtenIn(own(), `cacheFragment('${name}')`, (at) => fragmentIn(at, name, given, false))
  const cacheFragments = (name: string, ...given: readonly unknown[]): Text =>
    writtenIn(own(), `cacheFragments('${name}')`, (at) => fragmentsIn(at, name, given, false))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a body that gives text at once makes a fragment that does
  return {
    cacheFragment: Object.assign(cacheFragment, {
      digested: (other: string | undefined) => digested(other).cacheFragment,
      replayed: (view: string, render: RenderWith) => replayed(scope(), view, render),
    }),
    cacheFragments: Object.assign(cacheFragments, {
      digested: (other: string | undefined) => digested(other).cacheFragments,
    }),
  } as TemplateFunctions
}

/** An engine that cannot await writes whatever it is given. */
function writtenIn(scope: Scope, where: string, make: (scope: Scope) => Text): Text {
  return noted(make(scope), scope, where)
}

type RenderWith = (functions: TemplateFunctions | undefined) => string | Promise<string>

function replayed(scope: Scope, view: string, render: RenderWith): string | Promise<string> {
  const { reads } = scope.fragments
  // A view within a view is a part of its passes.
  if (reads?.isOpen !== true || scope.renderPass !== undefined) return render(undefined)
  return new Rendering(scope, reads, view, (own) => {
    // Called where nobody knows any more what is being made, they belong to this pass all the same.
    const within = (): Scope => {
      const current = currentScope()
      return current && current.renderPass === own.renderPass ? current : own
    }
    return render(templateFunctions(within))
  }).run()
}

function made(
  { policy, where }: FragmentCall,
  body: Body<unknown>,
  tracker: DependencyTracker,
): Text {
  const finish = (text: unknown): string => written(text, policy.form, where)
  const failed = (error: unknown): string => {
    if (policy.onError === undefined) throw error
    return written(policy.onError(error), 'html', `onError of ${where}`)
  }
  try {
    const text = body(new FragmentContext(tracker, undefined, false))
    return isThenable(text) ? Promise.resolve(text).then(finish).catch(failed) : finish(text)
  } catch (error) {
    return failed(error)
  }
}
