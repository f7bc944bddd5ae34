import { parseArgs } from 'node:util'
import { type Duration, milliseconds } from '../values/duration.ts'
import { withoutPassword } from '../events/errors.ts'

/** The arguments are wrong: `message` says why, with an example. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

type OptionTypes = Readonly<
  Record<string, { readonly type: 'string' | 'boolean'; readonly multiple?: boolean }>
>

/** The usage of one command. */
export interface Usage {
  readonly name: string
  readonly argument: string
  readonly about: string
  readonly example: string
  readonly options: OptionTypes
}

const redis: OptionTypes = {
  redis: { type: 'string' },
  namespace: { type: 'string' },
  json: { type: 'boolean' },
}

export type CommandName = 'warm' | 'purge' | 'get' | 'ls' | 'why' | 'stats' | 'doctor'

export const usages: Readonly<Record<CommandName, Usage>> = {
  warm: {
    name: 'warm',
    argument: '<url>',
    about: 'requests the pages of a running application',
    example:
      'cacheflow warm http://localhost:3000 --sitemap https://shop.example/sitemap.xml --parallelism 8',
    options: {
      sitemap: { type: 'string', multiple: true },
      file: { type: 'string', multiple: true },
      header: { type: 'string', multiple: true },
      origin: { type: 'string', multiple: true },
      parallelism: { type: 'string' },
      rate: { type: 'string' },
      'max-duration': { type: 'string' },
      timeout: { type: 'string' },
      retries: { type: 'string' },
      json: { type: 'boolean' },
    },
  },
  purge: {
    name: 'purge',
    argument: '',
    about: 'invalidates in every instance',
    example: 'cacheflow purge --tag posts --soft --spread 60s',
    options: {
      tag: { type: 'string', multiple: true },
      key: { type: 'string' },
      url: { type: 'string' },
      route: { type: 'string' },
      fragment: { type: 'string' },
      all: { type: 'boolean' },
      soft: { type: 'boolean' },
      spread: { type: 'string' },
      ...redis,
    },
  },
  get: {
    name: 'get',
    argument: '<key or path>',
    about: 'shows the entry of a key or a path',
    example: 'cacheflow get https://shop.example/posts/7',
    options: redis,
  },
  ls: {
    name: 'ls',
    argument: '[start of keys]',
    about: 'lists stored keys',
    example: 'cacheflow ls https://shop.example/posts --limit 20',
    options: { limit: { type: 'string' }, ...redis },
  },
  why: {
    name: 'why',
    argument: '<key or path>',
    about: 'shows the dependencies of an entry as a tree, and which of them were invalidated',
    example: 'cacheflow why /posts/7',
    options: redis,
  },
  stats: {
    name: 'stats',
    argument: '',
    about: 'counts entries, instances and memory',
    example: 'cacheflow stats --json',
    options: redis,
  },
  doctor: {
    name: 'doctor',
    argument: '',
    about: 'checks Redis for problems',
    example: 'cacheflow doctor --redis redis://localhost:6379',
    options: redis,
  },
}

/** The arguments after the name of a command. */
export interface Typed {
  readonly argument: string | undefined
  flag(name: string): boolean
  text(name: string): string | undefined
  texts(name: string): readonly string[]
  /** @throws UsageError where it is no number */
  number(name: string): number | undefined
  /** Milliseconds. @throws UsageError where it is no length of time */
  duration(name: string): number | undefined
}

/** @throws UsageError */
export function typed(usage: Usage, args: readonly string[]): Typed {
  const { values, positionals } = parsed(usage, args)
  const takes = usage.argument === '' ? 0 : 1
  if (positionals.length > takes) {
    throw usageError(usage, `${JSON.stringify(positionals[takes])} is one argument too many.`)
  }
  if (usage.argument.startsWith('<') && positionals.length === 0) {
    throw usageError(usage, `${usage.argument} is missing.`)
  }
  const texts = (name: string): readonly string[] =>
    [values[name] ?? []].flat().filter((value) => typeof value === 'string')
  return {
    argument: positionals[0],
    flag: (name) => values[name] === true,
    text: (name) => texts(name)[0],
    texts,
    number: (name) => {
      const [text] = texts(name)
      if (text === undefined) return undefined
      const number = Number(text)
      if (text.trim() !== '' && Number.isFinite(number)) return number
      throw usageError(usage, `--${name} takes a number, not ${JSON.stringify(text)}.`)
    },
    duration: (name) => {
      const [text] = texts(name)
      try {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- how it is spelled is what is looked at
        return text === undefined ? undefined : milliseconds(text as Duration, `--${name}`)
      } catch {
        throw usageError(usage, `--${name} takes a time such as 90s, not ${JSON.stringify(text)}.`)
      }
    },
  }
}

function parsed(
  usage: Usage,
  args: readonly string[],
): { values: Record<string, unknown>; positionals: string[] } {
  try {
    return parseArgs({ args: [...args], options: { ...usage.options }, allowPositionals: true })
  } catch (error) {
    throw usageError(
      usage,
      error instanceof Error ? error.message.split('. ', 1)[0] + '.' : 'The arguments are wrong.',
    )
  }
}

export function usageError(usage: Usage, message: string): UsageError {
  return new UsageError(`${withoutPassword(message)}\n  example: npx ${usage.example}`)
}

/** One command with its options. */
export function usageOf({ name, argument, about, example, options }: Usage): string {
  const lines = Object.entries(options).map(([option, { type, multiple }]) => {
    const value = type === 'string' ? ' <value>' : ''
    return `  --${option}${value}${multiple === true ? ', repeatable' : ''}`
  })
  return [
    `cacheflow ${name} ${argument}`.trimEnd(),
    `${about}, such as: npx ${example}`,
    '',
    ...lines,
    '',
  ].join('\n')
}

/** All commands, a line for each. */
export function usageText(): string {
  const lines = Object.values(usages).map(
    ({ name, argument, about, example }) =>
      `  ${`${name} ${argument}`.padEnd(22)} ${about}\n${' '.repeat(25)}npx ${example}`,
  )
  return [
    'cacheflow <command> [options]',
    '',
    ...lines,
    '',
    'npx cacheflow <command> --help lists its options.',
    'All commands but warm take --redis <url> (else REDIS_URL, else redis://localhost:6379), --namespace <name>, and --json.',
    '',
  ].join('\n')
}
