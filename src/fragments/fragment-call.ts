import { createHash } from 'node:crypto'
import { fail } from '../events/errors.ts'
import {
  type Dependency,
  escaped,
  fragmentDependency,
  keyDependency,
  onOrigin,
  tagDependency,
} from '../invalidation/dependency.ts'
import type { EntityRef, Subject } from '../entities/entity.ts'
import { several } from '../values/to-list.ts'
import { type FragmentOptions, type FragmentPolicy, fragmentPolicy } from './fragment-options.ts'
import type { FragmentContext } from './fragment-context.ts'
import { isPageInput } from './page-input.ts'

/** What makes a fragment: it returns the text, or, with `json: true`, a value. */
export type Body<Made = string> = (fragment: FragmentContext) => Made

/** What a fragment is made of: a record, a list, a collection, or several of them. */
export type Subjects = Subject | readonly Subject[]

/** One call of cacheFragment(), checked. */
export interface FragmentCall {
  readonly name: string
  readonly subjects: readonly Subject[]
  readonly policy: FragmentPolicy
  /** The call as messages name it. */
  readonly where: string
}

const MAX_NAME_LENGTH = 256

export function fragmentCall(
  name: string,
  subjects: unknown,
  options: FragmentOptions | undefined,
): FragmentCall {
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME_LENGTH) {
    throw fail('ERR_CACHEFLOW_FRAGMENT', name, 'cacheFragment()', {
      mend: `The name is a string of 1 to ${MAX_NAME_LENGTH} characters, such as 'posts/card'.`,
    })
  }
  const where = `cacheFragment('${name}')`
  const given = subjects === undefined ? [] : several<unknown>(subjects)
  const known = given.filter(isSubject)
  if (known.length < given.length) {
    const subject = given.find((each) => !isSubject(each))
    throw fail('ERR_CACHEFLOW_FRAGMENT', subject, where, {
      mend: 'Give what an entity makes of a row: post(row), post.all(rows) or post.list(scope).',
    })
  }
  return {
    name,
    subjects: known,
    policy: fragmentPolicy(options, where),
    where,
  }
}

export function isSubject(given: unknown): given is Subject {
  return (
    typeof given === 'object' &&
    given !== null &&
    'kind' in given &&
    (given.kind === 'record' || given.kind === 'list' || given.kind === 'collection')
  )
}

/**
 * The key of a fragment, stable while its records change; what changes is the version beside it.
 *
 *   fragment:posts/card post:7 key=de for=editor accept-language=de build=4f2 digest=Zk3
 *   ^^^^^^^^^^^^^^^^^^^ ^^^^^^ ^^^^^^ ^^^^^^^^^^ ^^^^^^^^^^^^^^^^^^ ^^^^^^^^^ ^^^^^^^^^^
 *   its name            made of  key:   session:   vary:            the build its template
 *
 * @param read the value of an input in the request that asks
 */
export function fragmentKey(
  { name, subjects, policy }: FragmentCall,
  read: (name: string) => string | undefined,
  build: string,
  digest?: string,
): string {
  let key = fragmentDependency(name)
  if (subjects.length > 0) key += ` ${namesOf(subjects)}`
  for (const part of policy.key) key += ` key=${escaped(part)}`
  if (typeof policy.session === 'string') key += ` for=${escaped(policy.session)}`
  for (const input of policy.vary) {
    const value = read(input)
    key += value === undefined ? ` ${inputText(input)}` : ` ${inputText(input)}=${valueText(value)}`
  }
  if (build !== '') key += ` build=${escaped(build)}`
  if (digest !== undefined) key += ` digest=${digest}`
  return key
}

/** Parts of a key that are no inputs: a header of such a name is told apart. */
const parts: ReadonlySet<string> = new Set(['key', 'for', 'build', 'digest'])

function inputText(input: string): string {
  if (parts.has(input)) return `header:${input}`
  return isPageInput(input) ? input.slice(1) : escaped(input)
}

/** The values of a client may be as long as it likes; no escaped text begins as the hash does. */
function valueText(value: string): string {
  if (value.length <= MAX_NAMES_LENGTH) return escaped(value)
  return `%~${createHash('sha1').update(value).digest('base64url')}`
}

/** Names longer than this stand in a key by their hash. */
const MAX_NAMES_LENGTH = 200

function namesOf(subjects: readonly Subject[]): string {
  const names = subjects.map(nameOf).join(',')
  if (names.length <= MAX_NAMES_LENGTH) return names
  return `${subjects.length}:${createHash('sha1').update(names).digest('base64url')}`
}

function nameOf(subject: Subject): string {
  switch (subject.kind) {
    case 'record':
      return withoutComma(recordName(subject))
    case 'list':
      // Only a collection ends so.
      return withoutComma(subject.dependency.replace(/\[\]$/, '%5B%5D'))
    case 'collection':
      return `${withoutComma(subject.list.dependency)}[]`
  }
}

/** What begins the name of something else: entities that are called so keep the whole name of their records. */
const taken: ReadonlySet<string> = new Set(['entity', 'list', 'cookie', 'header'])

function recordName({ entity, dependency }: EntityRef): string {
  return taken.has(entity) ? dependency : dependency.slice('entity:'.length)
}

// Names of several stand side by side, and commas between them.
function withoutComma(name: string): string {
  return name.includes(',') ? name.replaceAll(',', '%2C') : name
}

/** The version of what the fragment is made of: another one, and the fragment is made anew. */
export function fragmentVersion({ subjects }: FragmentCall): string {
  const [only] = subjects
  if (subjects.length === 1 && only) return versionIn(only)
  return subjects.map(versionIn).join(',')
}

function versionIn(subject: Subject): string {
  return 'version' in subject ? (subject.version ?? '') : ''
}

/** What fells the fragment, as far as the call tells. */
export function fragmentDependencies(
  call: FragmentCall,
  key: string,
  origin: string | undefined,
): Dependency[] {
  const { name, subjects, policy } = call
  const dependencies: Dependency[] = [fragmentDependency(name), keyDependency(key)]
  const add = (dependency: Dependency): void => {
    dependencies.push(dependency, fragmentDependency(name, dependency))
  }
  for (const subject of subjects) {
    if (subject.kind === 'collection') {
      add(subject.list.dependency)
      for (const { dependency } of subject.records) dependencies.push(dependency)
    } else add(subject.dependency)
  }
  const named = onOrigin(policy.dependencies, origin)
  return [...dependencies, ...policy.tags.map(tagDependency), ...named]
}
