import { fail } from '../events/errors.ts'
import { namesCredential } from '../http/credential-name.ts'
import { fieldNames, inputNames, refuseUnknown } from '../values/option-check.ts'

/** The header fields whose presence makes a request one with credentials, in lower case. */
export function credentialFields(given: readonly string[] | undefined): ReadonlySet<string> {
  const own = fieldNames(given, 'credentials', []).map((name) => name.toLowerCase())
  return new Set(['authorization', 'proxy-authorization', ...own])
}

/** The inputs that are not observed; none of those that tell who a visitor is. */
export function ignoredInputs(
  given: boolean | { readonly ignore: readonly string[] },
  credentials: ReadonlySet<string>,
  harmless: ReadonlySet<string>,
): readonly string[] {
  if (typeof given === 'boolean') return []
  refuseUnknown(
    given,
    new Set(['ignore']),
    'observe',
    "Give true, false or { ignore: ['x-request-id'] }.",
  )
  const ignored = inputNames(given.ignore, 'observe.ignore')
  for (const name of ignored) {
    const isPersonal = namesVisitor.has(name) || credentials.has(name)
    if (!isPersonal && (harmless.has(name) || !namesCredential(name))) continue
    throw fail('ERR_CACHEFLOW_OPTION', name, 'observe.ignore', { mend: hintOf(name, isPersonal) })
  }
  return ignored
}

/** What tells visitors apart: left out for the whole cache, one page that shows it would go to everybody. */
const namesVisitor: ReadonlySet<string> = new Set(['session', 'user', 'headers', 'cookie'])

function hintOf(name: string, isPersonal: boolean): string {
  return isPersonal
    ? 'It would share the pages that are made from it, too. Say who shares with session: (req) => ..., with the cache behind the middleware that knows the visitor, or mount that middleware on the routes that need it.'
    : `Its name looks like a credential. If it is none, say so: notCredentials: ['${name}'].`
}
