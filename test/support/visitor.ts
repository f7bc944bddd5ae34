import type { OutgoingHttpHeaders } from 'node:http'
import type { Answer, Application, Asking } from './application.ts'

/** A client that keeps the cookies it is given, and tells which they were. */
export class Visitor {
  readonly #app: Application
  readonly #headers: OutgoingHttpHeaders
  readonly cookies: Map<string, string> = new Map()
  /** Every Set-Cookie line that this visitor ever got. */
  readonly given: string[] = []

  constructor(app: Application, headers: OutgoingHttpHeaders = {}) {
    this.#app = app
    this.#headers = headers
  }

  async ask(path: string, asking: Asking = {}): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers: OutgoingHttpHeaders = { ...this.#headers, ...asking.headers }
    if (cookie !== '') headers['Cookie'] = cookie
    const answer = await this.#app.ask(path, { ...asking, headers })
    for (const line of answer.headers['set-cookie'] ?? []) {
      this.given.push(line)
      const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(line) ?? []
      if (/expires=thu, 01 jan 1970/i.test(line)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return answer
  }

  /** The body of a page. */
  async see(path: string, headers: OutgoingHttpHeaders = {}): Promise<string> {
    return (await this.ask(path, { headers })).body
  }
}
