import { fail } from '../events/errors.ts'
import type { CacheFragment, CacheFragments } from '../fragments/cache-fragment.ts'
import { type WarmPart, type WarmQueue, type WarmSource, partOf, tasksOf } from './queue.ts'
import { type DeclaredPages, type WarmerOptions, warmerPriority } from './route-options.ts'
import { warmSource } from './options.ts'

/** The part of the handle for fragments outside of requests. */
export interface FragmentHandle {
  /**
   * cacheFragment() outside of a request, in a job; nesting and dependencies are tracked in the
   * same way.
   */
  readonly fragment: CacheFragment
  /** cacheFragments() outside of a request. */
  readonly fragments: CacheFragments
  /**
   * Runs a job whose fragments belong together. The job should read their data itself, so that no
   * data read before an invalidation is stored after it.
   */
  run<Result>(job: () => Result): Result
}

/** What an adapter knows of its framework's applications. */
export interface Applications {
  /** Applications that stand behind what was given to `warm()`: itself, or those of a listener. */
  of(given: unknown): readonly unknown[]
  /** Begins to observe an application, so that its first request is seen from its arrival. */
  meet(app: unknown): void
  /** The patterns of the routes on which a middleware stands, mount paths included. */
  patterns(app: unknown, middleware: unknown): readonly string[]
}

/** The second argument of a warmer. */
export interface WarmerCall {
  /** Aborted when the run ends. */
  readonly signal: AbortSignal
  /** Adds pages to the run: paths, URLs, or a source of them. */
  pages(source: WarmSource): void
}

/** A warmer of the application: renders fragments, adds pages, or runs any other code. */
export type Warmer = (cache: FragmentHandle, call: WarmerCall) => unknown

/** What there is to warm: the pages that routes declare, and warmers of their own. */
export class WarmPlan {
  readonly #handle: () => FragmentHandle
  readonly #applications: Applications | undefined
  readonly #declared: { readonly middleware: unknown; readonly pages: DeclaredPages }[] = []
  readonly #warmers = new Map<string, { readonly run: Warmer; readonly priority: number }>()

  constructor(handle: () => FragmentHandle, applications: Applications | undefined) {
    this.#handle = handle
    this.#applications = applications
  }

  /** A route's middleware, and the pages to warm there. */
  declare(middleware: unknown, pages: DeclaredPages): void {
    this.#declared.push({ middleware, pages })
  }

  warmer(name: string, run: Warmer, options: WarmerOptions = {}): void {
    const given: unknown = run
    if (typeof name !== 'string' || name === '' || typeof given !== 'function') {
      throw fail('ERR_CACHEFLOW_OPTION', typeof given === 'function' ? name : given, 'warmer()', {
        mend: "Give a name and a function: warmer('menu', async (cache) => { ... }).",
      })
    }
    this.#warmers.set(name, { run, priority: warmerPriority(options) })
  }

  /** The pages that routes declare. @param given the application that was given to `warm()`, or what stands for it */
  routes(given: unknown): WarmPart[] {
    const apps = this.applications(given)
    return this.#declared.map(({ middleware, pages: { pages: source, variants, priority } }) => {
      const patterns = [
        ...new Set(apps.flatMap((app) => this.#applications?.patterns(app, middleware) ?? [])),
      ]
      const name = patterns[0] ?? 'a route'
      return { name, priority, tasks: () => tasksOf(source, { patterns, variants }) }
    })
  }

  /** @param queue where warmers add pages */
  warmers(queue: WarmQueue): WarmPart[] {
    return Array.from(this.#warmers, ([name, each]) => this.#job(name, each, queue))
  }

  /** The applications behind what was given, which are observed from now on. */
  applications(given: unknown): readonly unknown[] {
    const apps = this.#applications?.of(given) ?? []
    for (const app of apps) this.#applications?.meet(app)
    return apps
  }

  #job(
    name: string,
    { run, priority }: { readonly run: Warmer; readonly priority: number },
    queue: WarmQueue,
  ): WarmPart {
    const handle = this.#handle()
    const job = async (signal: AbortSignal): Promise<boolean> => {
      let isAdded = false
      const pages = (given: WarmSource): void => {
        const source = warmSource(given, `pages() of the warmer ${name}`)
        queue.add(partOf(name, priority, source))
        isAdded = true
      }
      await handle.run(() => run(handle, { signal, pages }))
      return isAdded
    }
    return {
      name,
      priority,
      tasks: () => [{ kind: 'job', url: name, name, run: job } as const].values(),
    }
  }
}
