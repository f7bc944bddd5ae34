import type { ReadTracker } from '../../request/read-tracker.ts'
import type { PageInput } from '../../fragments/page-input.ts'
import { connectionOf } from '../connection.ts'
import { currentScope } from '../../fragments/scope.ts'
import type { IncomingMessage } from 'node:http'
import { isServerReading } from './reader.ts'

/** Where a framework keeps what it knows of the target, and what each property tells. */
export type TargetProperties = readonly (readonly [
  holder: object,
  properties: Readonly<Record<string, PageInput>>,
])[]

interface Watched {
  observation: ReadTracker
  /** The properties that ours stand before. */
  readonly properties: Map<string, PropertyDescriptor>
}

const watched = new WeakMap<object, Watched>()

const ofMessage: Readonly<Record<string, PageInput>> = { url: ':url', method: ':method' }
const ofConnection: Readonly<Record<string, PageInput>> = { encrypted: ':host' }

/**
 * Notes reads of what every page has in its key and a fragment has not: the target of the request,
 * its method, its scheme. Called before a fragment's body runs, and never for a page without one.
 */
export function observeTarget(
  message: IncomingMessage,
  observation: ReadTracker,
  ofFramework: TargetProperties,
): void {
  watch(message, ofMessage, observation)
  for (const [holder, properties] of ofFramework) watch(holder, properties, observation)
  const connection = connectionOf(message)
  if (connection) watch(connection, ofConnection, observation)
}

function watch(
  holder: object,
  names: Readonly<Record<string, PageInput>>,
  observation: ReadTracker,
): void {
  let state = watched.get(holder)
  if (state === undefined) {
    state = { observation, properties: new Map() }
    watched.set(holder, state)
  }
  // A connection serves one request after another, and over HTTP/2 several at one time.
  state.observation = observation
  for (const name in names) {
    const own = Object.getOwnPropertyDescriptor(holder, name)
    const isOurs = own?.get !== undefined && ours.has(own.get)
    if (isOurs || own?.configurable === false) continue
    const existing = own ?? inheritedGetter(holder, name)
    if (existing === undefined && name !== 'encrypted') continue
    state.properties.set(name, existing ?? { value: undefined, writable: true })
    const input = names[name] ?? ':url'
    Object.defineProperty(holder, name, descriptor(name, input, own?.enumerable === true))
  }
}

/** Node asks for the method itself, whenever bytes arrive, in the context of the connection. */
function isServers({ served }: ReadTracker, name: string, below: () => unknown): boolean {
  if (name !== 'method' || currentScope()?.visitor?.owner === served?.owner) return false
  return isServerReading(below)
}

const ours = new WeakSet<object>()
const descriptors = new Map<string, PropertyDescriptor>()

/** One for each property, whatever its holder: requests come and go. */
function descriptor(name: string, input: PageInput, enumerable: boolean): PropertyDescriptor {
  const known = descriptors.get(`${name} ${enumerable}`)
  if (known) return known
  const made: PropertyDescriptor = {
    configurable: true,
    enumerable,
    get: function read(this: object): unknown {
      const state = watched.get(this)
      if (state && !isServers(state.observation, name, read)) state.observation.page(input, name)
      const property = state?.properties.get(name)
      return property?.get ? Reflect.apply(property.get, this, []) : property?.value
    },
    set(this: object, value: unknown): void {
      const properties = watched.get(this)?.properties
      const property = properties?.get(name)
      if (property?.set) Reflect.apply(property.set, this, [value])
      else if (!property?.get) properties?.set(name, { value, writable: true })
    },
  }
  if (made.get) ours.add(made.get)
  descriptors.set(`${name} ${enumerable}`, made)
  return made
}

function inheritedGetter(holder: object, name: string): PropertyDescriptor | undefined {
  for (let at = parentOf(holder); at !== null; at = parentOf(at)) {
    const property = Object.getOwnPropertyDescriptor(at, name)
    if (property) return property.get ? property : undefined
  }
  return undefined
}

function parentOf(object: object): object | null {
  return Object.getPrototypeOf(object) as object | null
}
