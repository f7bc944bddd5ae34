import { fail } from '../events/errors.ts'

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** What ends a script element or a line of JavaScript, but may stand in JSON. */
const unsafe = /[<>&\u2028\u2029]/g

/**
 * What a body returned, as the text of a fragment.
 *
 * @throws CacheflowError `ERR_CACHEFLOW_FRAGMENT` when it returned nothing that can be written
 */
export function written(made: unknown, form: 'html' | 'text' | 'json', where: string): string {
  if (form === 'json') {
    const json: unknown = JSON.stringify(made)
    if (typeof json === 'string') {
      return json.replaceAll(
        unsafe,
        (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
      )
    }
  } else if (typeof made === 'string') {
    return form === 'text' ? made.replaceAll(/[&<>"']/g, (sign) => entities[sign] ?? sign) : made
  }
  throw fail('ERR_CACHEFLOW_FRAGMENT', made, `the body of ${where}`, {
    mend:
      form === 'json'
        ? 'With json: true the body returns a value that JSON can express.'
        : made === undefined
          ? 'The body returns the text of the fragment, or a promise of it. Where it is a block of a template, render that by what cacheflow/views has for its engine, such as ejsFragments(ejs).'
          : 'The body returns the text of the fragment, or a promise of it.',
  })
}

/** The fragment between two comments: its key, and when it was made. A page in development can show them. */
export function outlined(text: string, key: string, madeAt: number): string {
  // No comment may end before its end.
  const name = key.replaceAll('--', '%2D%2D').replaceAll('>', '%3E')
  return `<!--fragment ${madeAt} ${name}-->${text}<!--/fragment-->`
}
