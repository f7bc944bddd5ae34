import { type Rendered, type ViewEngine, viewEngine } from './view-engine.ts'

/** A template engine as Express has it, or a function that gives the text, or a promise of it. */
export type Engine = (
  path: string,
  locals: Record<string, unknown>,
  done: (error: unknown, html?: string) => void,
) => unknown

/**
 * An engine whose views take what they miss from Redis in one round trip. Other engines of `cacheflow/views` do that by themselves;
 * it is for those that an application calls itself:
 *
 *   app.engine('eta', engineFragments((path, locals) => eta.render(`./${basename(path)}`, locals)))
 *   app.engine('handlebars', engineFragments(engine({ handlebars })))     // express-handlebars
 *
 * A view that misses something runs again when it has come, so templates may have no side effects. Errors are those of the engine.
 */
export function engineFragments(engine: Engine): ViewEngine {
  return viewEngine((path, locals) => textOf(engine, path, locals))
}

/** At once, where the engine gives it so. */
function textOf(engine: Engine, path: string, locals: object): string | Promise<string> {
  const told: { by?: readonly [error: unknown, html: string | undefined] } = {}
  let tell: Rendered = (error, html) => {
    told.by ??= [error, html]
  }
  const given = engine(path, { ...locals }, (error, html) => tell(error, html))
  if (told.by !== undefined) {
    const [error, html = ''] = told.by
    // oxlint-disable-next-line typescript/only-throw-error -- it is the engine's own
    if (error !== null && error !== undefined) throw error
    return html
  }
  if (typeof given === 'string') return given
  return new Promise((resolve, reject) => {
    tell = (error, html = '') => {
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- it is the engine's own
      if (error !== null && error !== undefined) reject(error)
      else resolve(html)
    }
    // An engine that tells may give a promise of nothing beside.
    Promise.resolve(given).then((text) => {
      if (typeof text === 'string') resolve(text)
    }, reject)
  })
}
