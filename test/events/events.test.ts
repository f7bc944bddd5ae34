import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import type { EventName, ErrorEvent, HitEvent } from '../../src/events/events.ts'
import { Events } from '../../src/events/events.ts'
import { CacheflowError } from '../../src/events/errors.ts'

const hit: HitEvent = {
  key: 'http://shop.example/',
  method: 'GET',
  url: '/',
  reason: 'fresh',
  from: 'memory',
  age: 0,
  ttl: 60,
  route: undefined,
}

const names = [
  'hit',
  'miss',
  'bypass',
  'store',
  'uncacheable',
  'refresh',
  'fragment',
  'touch',
  'invalidate',
  'evict',
  'redis',
  'unconfirmed',
  'reset',
  'audit',
  'warning',
  'error',
] as const satisfies readonly EventName[]

const heard: (() => void)[] = []
afterEach(() => {
  for (const end of heard.splice(0)) end()
})

/** Hears a diagnostics channel until the test is over. */
function hear(name: string, listener: (event: unknown) => void): void {
  subscribe(name, listener)
  heard.push(() => unsubscribe(name, listener))
}

describe('listening', () => {
  it('gives each listener each event, in the order they began to listen', () => {
    const events = new Events()
    const told: unknown[] = []
    events.on('hit', (event) => told.push(['first', event]))
    events.on('hit', (event) => told.push(['second', event]))
    events.on('miss', (event) => told.push(['other', event]))
    events.emit('hit', hit)
    expect(told).toEqual([
      ['first', hit],
      ['second', hit],
    ])
  })

  it('ends with the function that on() returned, for this listener alone, and once', () => {
    const events = new Events()
    const told: string[] = []
    const end = events.on('hit', () => told.push('first'))
    events.on('hit', () => told.push('second'))
    end()
    events.emit('hit', hit)
    expect(told).toEqual(['second'])
    end()
    events.emit('hit', hit)
    expect(told).toEqual(['second', 'second'])
  })

  it('ended twice does not end what began in between', () => {
    const events = new Events()
    const told: string[] = []
    const end = events.on('hit', () => told.push('first'))
    end()
    events.on('hit', () => told.push('second'))
    end()
    events.emit('hit', hit)
    expect(told).toEqual(['second'])
  })

  it('twice with one function is two listenings, each with its own end', () => {
    const events = new Events()
    let told = 0
    const listener = (): void => void told++
    const end = events.on('hit', listener)
    events.on('hit', listener)
    events.emit('hit', hit)
    expect(told).toBe(2)
    end()
    events.emit('hit', hit)
    expect(told).toBe(3)
  })

  it('may begin and end while an event is told', () => {
    const events = new Events()
    const told: string[] = []
    const end = events.on('hit', () => {
      told.push('first')
      end()
      events.on('hit', () => told.push('late'))
    })
    events.on('hit', () => told.push('second'))
    events.emit('hit', hit)
    expect(told).toEqual(['first', 'second'])
    events.emit('hit', hit)
    expect(told).toEqual(['first', 'second', 'second', 'late'])
  })

  it.each(['hits', '', 'fault', 'Hit', '__proto__', undefined, null, 5, Symbol('hit')])(
    'to %s is an error that lists the names',
    (name) => {
      let error: unknown
      try {
        new Events().on(name as EventName, () => undefined)
      } catch (caught) {
        error = caught
      }
      expect(error).toBeInstanceOf(CacheflowError)
      expect(error).toMatchObject({ code: 'ERR_CACHEFLOW_EVENT' })
      expect(String(error)).toContain('hit, miss, bypass, store, uncacheable, refresh')
    },
  )

  it.each([undefined, null, 'log', {}, 5])(
    'with %s instead of a function is an error',
    (listener) => {
      expect(() => new Events().on('hit', listener as never)).toThrow(
        /ERR_CACHEFLOW_EVENT: on\(\) was given .+ Give a function/,
      )
    },
  )
})

describe('wants()', () => {
  it.each(names)(
    '%s: is true only while somebody listens, here or on its diagnostics channel',
    (name) => {
      const events = new Events()
      expect(events.wants(name)).toBe(false)
      const ends = [events.on(name, () => undefined), events.on(name, () => undefined)]
      expect(events.wants(name)).toBe(true)
      for (const end of ends) {
        expect(events.wants(name)).toBe(true)
        end()
      }
      expect(events.wants(name)).toBe(false)
      hear(`cacheflow:${name}`, () => undefined)
      expect(events.wants(name)).toBe(true)
    },
  )
})

describe('diagnostics channels', () => {
  it('get the same objects as listeners', () => {
    const events = new Events()
    const told: unknown[] = []
    hear('cacheflow:hit', (event) => told.push(event))
    events.on('hit', (event) => told.push(event))
    events.emit('hit', hit)
    expect(told.length).toBe(2)
    for (const event of told) expect(event).toBe(hit)
  })
})

describe('a listener that fails', () => {
  it('becomes a fault event, and keeps nobody else from the event', () => {
    const events = new Events()
    const faults: ErrorEvent[] = []
    const told: string[] = []
    const error = new Error('no')
    events.on('error', (event) => faults.push(event))
    events.on('hit', () => {
      throw error
    })
    events.on('hit', () => told.push('second'))
    events.emit('hit', hit)
    expect(told).toEqual(['second'])
    expect(faults).toEqual([{ error, during: "a listener of 'hit'" }])
  })

  it('is a fault too when it is asynchronous: it must not end the process', async () => {
    const events = new Events()
    const faults: ErrorEvent[] = []
    const error = new Error('later')
    events.on('error', (event) => faults.push(event))
    events.on('hit', async () => {
      await Promise.resolve()
      throw error
    })
    events.emit('hit', hit)
    await new Promise((resolve) => setImmediate(resolve))
    expect(faults).toEqual([{ error, during: "a listener of 'hit'" }])
  })

  it('of faults fails alone, at once or later', async () => {
    const events = new Events()
    const told: unknown[] = []
    events.on('error', () => {
      throw new Error('no')
    })
    events.on('error', async () => {
      await Promise.resolve()
      throw new Error('later')
    })
    events.on('error', ({ error }) => told.push(error))
    events.emit('error', { error: 'the first', during: 'a test' })
    await new Promise((resolve) => setImmediate(resolve))
    expect(told).toEqual(['the first'])
  })

  it('a fault that nobody listens to is printed, once for each', async () => {
    const printed: string[] = []
    const listen = (warning: Error): void => void printed.push(warning.message)
    process.on('warning', listen)
    onTestFinished(() => void process.off('warning', listen))
    const events = new Events()
    for (const error of ['first', 'first', 'second']) {
      events.emit('error', { error: new Error(error), during: 'a test' })
    }
    events.on('error', () => undefined)
    events.emit('error', { error: new Error('heard'), during: 'a test' })
    await new Promise((resolve) => setImmediate(resolve))
    expect(printed).toEqual(['a test: Error: first', 'a test: Error: second'])
  })
})
