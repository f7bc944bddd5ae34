import { replayed } from './replay.ts'

/** Tells of a rendered view, or why there is none. */
export type Rendered = (error: unknown, html?: string) => void

/**
 * Renders a file, in the two ways that frameworks ask: `app.engine('ejs', engine)` in Express, and
 * `ctx.body = await engine(path, ctx.state)` in Koa. Errors are those of the template engine.
 */
export interface ViewEngine {
  (path: string, locals: object, done: Rendered): void
  /** @param locals what the template sees. Default nothing */
  (path: string, locals?: object): Promise<string>
}

/** @param render may give the text at once: then it is told at once, too, as the engines themselves do */
export function viewEngine(
  render: (path: string, locals: object) => string | Promise<string>,
): ViewEngine {
  const shown = (path: string, given: object): string | Promise<string> =>
    replayed(path, given, (locals) => render(path, locals))
  function engine(path: string, locals: object, done: Rendered): void
  function engine(path: string, locals?: object): Promise<string>
  function engine(path: string, locals: object = {}, done?: Rendered): Promise<string> | undefined {
    if (done === undefined) return (async () => shown(path, locals))()
    let text: string | Promise<string>
    try {
      text = shown(path, locals)
    } catch (error) {
      done(error)
      return undefined
    }
    if (typeof text === 'string') done(null, text)
    else {
      // An error that `done` throws is none of the promise.
      text.then(
        (html) => {
          process.nextTick(done, null, html)
        },
        (error: unknown) => {
          process.nextTick(done, error)
        },
      )
    }
    return undefined
  }
  return engine
}
