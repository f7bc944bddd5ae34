/** One instance of the application: a process that shows pages, reads them, and invalidates what it is told to. */
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { Random } from '../support/random.ts'
import { now, pause } from './clock.ts'
import { CacheflowDriver } from './drivers/cacheflow.ts'
import { type Driver, Unconfirmed } from './drivers/driver.ts'
import { NaiveDriver } from './drivers/naive.ts'
import type { InstanceSettings, Order, Report, ToldPromise } from './message.ts'
import { Pages } from './pages.ts'
import { Readers } from './readers.ts'
import { things } from './site.ts'

/** Milliseconds between two reports. */
const reportEvery = 25

const settings = JSON.parse(process.argv[2] ?? '') as InstanceSettings
const random = new Random(settings.seed)
const asked = new Map<number, (versions: readonly number[]) => void>()
const failures: string[] = []
let promises: ToldPromise[] = []
/** Invalidations that hold here and not yet elsewhere. */
let unconfirmed: { readonly thing: number; readonly version: number }[] = []
let invalidating = 0
let questions = 0

const driver = await openDriver()
const pages = new Pages(driver, async (...wanted) => {
  // Rows are seen at some moment between the question and the answer, and what is made of them comes later still.
  await pause(slowness())
  const id = questions++
  const versions = await new Promise<readonly number[]>((resolve) => {
    asked.set(id, resolve)
    tell({ type: 'ask', id, things: wanted.map(({ index }) => index) })
  })
  await pause(slowness())
  return versions
})
const server = await listen()
const { port } = server.address() as AddressInfo
const readers = new Readers(settings, pages, random, { life: settings.life, port })
const reporting = setInterval(() => report(false), reportEvery)

process.on('message', (order: Order) => void obey(order))
// Ended by an order, or with the one who gives them.
process.on('disconnect', () => process.exit(0))
process.on('uncaughtException', (error) => failures.push(`uncaught: ${String(error.stack)}`))
process.on('unhandledRejection', (error) => failures.push(`unhandled: ${String(error)}`))
readers.start()
tell({ type: 'ready', port })

function openDriver(): Promise<Driver> {
  return settings.driver === 'naive' ? NaiveDriver.open(settings) : CacheflowDriver.open(settings)
}

async function listen(): Promise<Server> {
  const app = express()
  pages.mount(app)
  const made = createServer(app)
  // Longer than a run: a connection that ends while a reader sends on it would look like a fault.
  made.keepAliveTimeout = 3_600_000
  await new Promise<void>((resolve) => {
    made.listen(0, '127.0.0.1', resolve)
  })
  return made
}

async function obey(order: Order): Promise<void> {
  switch (order.type) {
    case 'peers':
      readers.peers = order.peers
      break
    case 'rows':
      asked.get(order.id)?.(order.versions)
      asked.delete(order.id)
      break
    case 'invalidate':
      await invalidate(order.thing, order.version)
      break
    case 'rest':
      await readers.stop()
      clearInterval(reporting)
      report(true)
      break
    case 'end':
      await driver.close()
      server.closeAllConnections()
      server.close()
      process.disconnect()
  }
}

async function invalidate(index: number, version: number): Promise<void> {
  const thing = things[index]
  if (thing === undefined) throw new Error(`there is no thing ${index}`)
  invalidating++
  try {
    await driver.invalidate(thing)
    promises.push([index, version, now(), 'awaited'])
  } catch (error) {
    if (error instanceof Unconfirmed) {
      promises.push([index, version, now(), 'local'])
      unconfirmed.push({ thing: index, version })
    } else failures.push(`invalidate: ${String(error)}`)
  } finally {
    invalidating--
  }
}

/** What could not be confirmed is promised to everybody as soon as nothing is open. */
function confirm(): void {
  if (unconfirmed.length === 0 || driver.unconfirmed() > 0) return
  const at = now()
  for (const { thing, version } of unconfirmed) promises.push([thing, version, at, 'late'])
  unconfirmed = []
}

function report(isLast: boolean): void {
  confirm()
  tell({
    type: 'told',
    until: now(),
    promises,
    reads: readers.takeReads(),
    failures: [...failures.splice(0), ...readers.failures.splice(0)],
    lost: readers.takeLost(),
    slowest: readers.takeSlowest(),
    stall: readers.takeStall(),
    work: driver.takeWork(),
    isConnected: driver.isConnected(),
    open: unconfirmed.length + invalidating,
    isLast,
  })
  promises = []
}

function tell(told: Report): void {
  process.send?.(told)
}

/** Mostly a millisecond or two, sometimes long enough for several invalidations. */
function slowness(): number {
  const chance = random.next()
  if (chance < 0.85) return random.next() * 2
  return chance < 0.99 ? random.next() * 8 : random.next() * 40
}
