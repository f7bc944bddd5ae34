import type { TemplateFunctions } from '../fragments/template-functions.ts'

type Text = string | Promise<string>

/**
 * Renders a view whose fragments may rest in Redis: what it misses is read in one round trip, and then it is rendered again. Without
 * Redis, or without a cache, it just renders.
 *
 * @param view its name: what it shows is remembered under it
 * @param render each time with locals of its own, for some engines write into them
 */
export function replayed<Locals extends object>(
  view: string,
  locals: Locals,
  render: (locals: Locals) => Text,
): Text {
  const call: unknown = Reflect.get(locals, 'cacheFragment')
  if (!hasReplayed(call)) return render(locals)
  return call.replayed(view, (functions) =>
    render(functions === undefined ? locals : { ...locals, ...functions }),
  )
}

interface Replaying {
  replayed(view: string, render: (functions: TemplateFunctions | undefined) => Text): Text
}

function hasReplayed(given: unknown): given is Replaying {
  return typeof given === 'function' && 'replayed' in given && typeof given.replayed === 'function'
}
