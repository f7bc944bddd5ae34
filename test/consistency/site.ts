import type { ExpressCacheflow } from 'cacheflow/express'
import type { Express } from 'express'
import { Redis } from 'ioredis'
import {
  type Answer,
  type Application,
  type Options,
  expressApplication,
} from '../support/application.ts'
import { until } from '../support/until.ts'

/** One host name for all instances: their keys are the same. */
const host = 'shop.example'

/** An Express application that is one of several instances. */
export async function site(
  port: number,
  mount: (app: Express, cache: ExpressCacheflow, self: Application) => void,
  { maxStaleness = 30_000, ...options }: Options & { readonly maxStaleness?: number } = {},
): Promise<Application> {
  const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true })
  const app = await expressApplication(mount, {
    ...options,
    redis: { client, maxStaleness, commandTimeout: '15s' },
  })
  await until('the site is connected', () => app.cache.status()?.connected === true)
  return app
}

/** A visitor of the host, at this instance. */
export function visit(
  app: Application,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return app.get(path, { Host: host, ...headers })
}

export function bodies(answers: readonly Answer[]): string[] {
  return [...new Set(answers.map(({ body }) => body))]
}
