import { RenderPass, type RenderPasses } from './render-pass.ts'
import { type FragmentReads, type Scope, within } from './scope.ts'

/** Renders a view in a scope. */
export type Render = (scope: Scope) => string | Promise<string>

/** How often a view is thrown away at most: as deep as fragments lie within each other. */
const MAX_PASSES = 6

/**
 * One view, rendered in as many passes as its fragments need: an engine that cannot wait for one of them is run again when all
 * that it asked for have been read, in one round trip. What its page had when it was rendered last is read before.
 */
export class Rendering implements RenderPasses {
  readonly untold: Map<string, () => void> = new Map()
  readonly #scope: Scope
  readonly #reads: FragmentReads
  readonly #view: string
  readonly #render: Render
  readonly #asked = new Set<string>()
  #passes = 0

  constructor(scope: Scope, reads: FragmentReads, view: string, render: Render) {
    this.#scope = scope
    this.#reads = reads
    this.#view = view
    this.#render = render
  }

  /** At once, where everything is in memory and the engine gives its text at once. */
  run(): string | Promise<string> {
    const keys = this.#reads.lacking(this.#page)
    return keys.length === 0 ? this.#pass() : this.#after(keys)
  }

  isUnknown(key: string): boolean {
    return this.#passes < MAX_PASSES && this.#reads.isOpen && !this.#asked.has(key)
  }

  get #page(): string {
    return `${this.#view} ${this.#scope.visitor?.page ?? ''}`
  }

  async #after(keys: readonly string[]): Promise<string> {
    for (const key of keys) this.#asked.add(key)
    await this.#reads.fetch(keys)
    return this.#pass()
  }

  #pass(): string | Promise<string> {
    this.#passes++
    const pass = new RenderPass(this, this.#scope)
    let text: string | Promise<string>
    try {
      text = within(pass.scope, () => this.#render(pass.scope))
    } catch (error) {
      return this.#failed(pass, error)
    }
    if (typeof text === 'string') return this.#ended(pass, text)
    return text.then(
      (made) => this.#ended(pass, made),
      (error: unknown) => this.#failed(pass, error),
    )
  }

  #ended(pass: RenderPass, text: string): string | Promise<string> {
    if (pass.unknown.size > 0) return this.#again(pass)
    pass.count()
    this.#reads.remember(this.#page, pass.keys)
    return text
  }

  /** With a hole in it a template may fail where it would not. */
  #failed(pass: RenderPass, error: unknown): Promise<string> {
    if (pass.unknown.size > 0) return this.#again(pass)
    pass.count()
    throw error
  }

  #again(pass: RenderPass): Promise<string> {
    pass.throwAway()
    return this.#after([...pass.unknown])
  }
}
