import { describe, expect, it } from 'vitest'
import { viewEngine } from '../../src/views/view-engine.ts'

type Told = readonly [unknown, string | undefined]

describe('an engine for views', () => {
  it('tells a text at once where the engine gives it at once', () => {
    const told: Told[] = []
    viewEngine((path) => `<${path}>`)('a', {}, (error, html) => told.push([error, html]))
    expect(told).toEqual([[null, '<a>']])
  })

  it('tells an error at once, and only that', () => {
    const told: Told[] = []
    const error = new Error('no such view')
    const engine = viewEngine(() => {
      throw error
    })
    engine('a', {}, (...given) => told.push([given[0], given[1]]))
    expect(told).toEqual([[error, undefined]])
  })

  it('does not take an error of who is told for one of the view', () => {
    let calls = 0
    const tell = (): void => {
      viewEngine(() => 'a')('a', {}, () => {
        calls++
        throw new Error('told')
      })
    }
    expect(tell).toThrow('told')
    expect(calls).toBe(1)
  })

  it('tells the text or the error of a promise when it is there', async () => {
    const told = async (text: Promise<string>): Promise<Told> =>
      new Promise((resolve) => {
        viewEngine(async () => text)('a', {}, (error, html) => {
          resolve([error, html])
        })
      })
    expect(await told(Promise.resolve('a'))).toEqual([null, 'a'])
    const error = new Error('no such view')
    expect(await told(Promise.reject(error))).toEqual([error, undefined])
  })

  it('gives a promise where nobody is to be told', async () => {
    expect(await viewEngine((path, locals) => path + JSON.stringify(locals))('a')).toBe('a{}')
    const engine = viewEngine(() => {
      throw new Error('no such view')
    })
    await expect(engine('a')).rejects.toThrow('no such view')
  })
})
