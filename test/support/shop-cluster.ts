import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, symlink } from 'node:fs/promises'
import { request } from 'node:http'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { builtPackage } from './built-package.ts'
import { OwnProcess, temporaryDirectory } from './process.ts'
import { until } from './until.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Page {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  /** What `Server-Timing` says: `instance`, `redis`, `cacheflow`, by name. */
  readonly told: ReadonlyMap<string, string>
}

/** The shop's cluster in processes of its own, as `npm run shop:cluster` starts it, at ports that nobody has. */
export class ShopCluster {
  readonly #process: OwnProcess
  readonly #send: (signal: NodeJS.Signals) => void
  /** What it has written to its terminal. */
  readonly lines: string[] = []
  /** Of the front door. */
  #door = 0
  readonly #ports = new Map<string, number>()

  private constructor(
    directory: string,
    environment: Readonly<Record<string, string>>,
    program = 'cluster.js',
  ) {
    const child = spawn(process.execPath, [program], {
      cwd: directory,
      env: { PATH: process.env['PATH'], PORT: '0', HOST: '127.0.0.1', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#process = new OwnProcess(child)
    this.#send = (signal) => void child.kill(signal)
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on('line', (line) => this.#read(line))
    }
  }

  /** @throws with what it has written when it does not open within 60 s */
  static async start(environment: Readonly<Record<string, string>>): Promise<ShopCluster> {
    const cluster = new ShopCluster(await installed(), environment)
    return cluster.#open(() => cluster.#ports.size === 2)
  }

  /** The shop in one process, as `npm run shop` starts it: nothing but a front door. */
  static async alone(environment: Readonly<Record<string, string>>): Promise<ShopCluster> {
    const shop = new ShopCluster(await installed(), environment, 'server.js')
    return shop.#open(() => shop.#door !== 0)
  }

  async #open(isOpen: () => boolean): Promise<this> {
    try {
      await until('the shop is open', () => this.#process.hasEnded || isOpen(), 60_000)
      if (this.#process.hasEnded) throw new Error(this.lines.join('\n'))
    } catch (error) {
      await this.#process.kill()
      throw error
    }
    return this
  }

  /** Resolves with how it ended, and what it has written, when it ends by itself. */
  static async run(environment: Readonly<Record<string, string>>): Promise<readonly string[]> {
    const cluster = new ShopCluster(await installed(), environment)
    const ending = await cluster.#process.ended
    return [ending, ...cluster.lines]
  }

  /** The ports of the front door and of the instances. */
  get ports(): readonly number[] {
    return [this.#door, ...this.#ports.values()]
  }

  /** Asks an instance, or whose turn it is, under the name of the front door. */
  ask(
    path: string,
    {
      of,
      form,
      headers = {},
    }: { of?: string; form?: Record<string, string>; headers?: object } = {},
  ): Promise<Page> {
    const port = of === undefined ? this.#door : this.#ports.get(of)
    const method = form === undefined ? 'GET' : 'POST'
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: '127.0.0.1',
          port,
          path,
          method,
          agent: false,
          headers: {
            host: `127.0.0.1:${this.#door}`,
            ...(form && { 'content-type': 'application/x-www-form-urlencoded' }),
            ...headers,
          },
        },
        async (answer) => {
          let body = ''
          answer.setEncoding('utf8').on('data', (text: string) => (body += text))
          await once(answer, 'end')
          const { statusCode: status = 0, headers: received } = answer
          resolve({ status, headers: received, body, told: timingOf(received['server-timing']) })
        },
      )
      sent.once('error', reject)
      sent.end(form && new URLSearchParams(form).toString())
    })
  }

  /** What Ctrl-C sends. Resolves with how it ended. */
  async interrupt(): Promise<string> {
    this.#send('SIGINT')
    return this.#process.ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop()
  }

  #read(line: string): void {
    this.lines.push(line)
    const [, name, port] = /^ {4}(Shop|Instance \w+) +http:\/\/[\d.]+:(\d+)\//.exec(line) ?? []
    if (name === 'Shop') this.#door = Number(port)
    else if (name !== undefined) this.#ports.set(name.slice('Instance '.length), Number(port))
  }
}

let installation: Promise<string> | undefined

/** A copy of the example with the built package, and with what it depends on, in a `node_modules` of its own. */
function installed(): Promise<string> {
  installation ??= install()
  return installation
}

async function install(): Promise<string> {
  const example = join(root, 'examples', 'shop')
  const directory = await mkdtemp(join(temporaryDirectory(), 'shop-'))
  await cp(example, directory, {
    recursive: true,
    filter: (path) =>
      dirname(path) !== example || !['node_modules', 'data'].includes(basename(path)),
  })
  const modules = join(directory, 'node_modules')
  const own = join(modules, 'cacheflow')
  await mkdir(own, { recursive: true })
  await cp(join(root, 'package.json'), join(own, 'package.json'))
  await symlink(await builtPackage(), join(own, 'dist'))
  const { dependencies } = JSON.parse(readFileSync(join(example, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>
  }
  for (const name of Object.keys(dependencies)) {
    if (name === 'cacheflow') continue
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(join(root, 'node_modules', name), join(modules, name))
  }
  return directory
}

function timingOf(field: string | string[] | undefined): Map<string, string> {
  const entries = String(field ?? '').matchAll(/([\w-]+)(?:;desc="([^"]*)")?(?:, |$)/g)
  return new Map(Array.from(entries, ([, name = '', text = '']) => [name, text]))
}
