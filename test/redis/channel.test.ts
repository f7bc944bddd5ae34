import { describe, expect, it } from 'vitest'
import { acknowledgement, channelOf, messageOf, replyChannelOf } from '../../src/redis/channel.ts'
import { encodeDependency } from '../../src/codec/dependency-text.ts'
import { Random } from '../support/random.ts'

const invalidation = {
  type: 'EVICT',
  keys: ['fragment:top'],
  origin: 'me',
  seq: 7,
  epoch: 'e1',
  roots: ['tag:posts', 'entity:post:7'],
  soft: false,
  ack: false,
}

describe('the channel', () => {
  it('has the name of its namespace, and in a Cluster its hash tag', () => {
    expect(channelOf('cf', false)).toBe('cacheflow:invalidation')
    expect(channelOf('shop', false)).toBe('cacheflow:invalidation:shop')
    expect(channelOf('cf', true)).toBe('cacheflow:invalidation:{cf}')
    expect(channelOf('shop', true)).toBe('cacheflow:invalidation:{shop}')
  })

  it('of one instance, for acknowledgements, lies below it and in its slot', () => {
    expect(replyChannelOf(channelOf('cf', false), 'abc')).toBe('cacheflow:invalidation:abc')
    expect(replyChannelOf(channelOf('cf', true), 'abc')).toBe('cacheflow:invalidation:{cf}:abc')
  })
})

describe('a message', () => {
  it('with a number is an invalidation', () => {
    expect(messageOf(JSON.stringify(invalidation))).toEqual({
      kind: 'invalidation',
      epoch: 'e1',
      number: 7,
      roots: ['tag:posts', 'entity:post:7'],
      soft: false,
      origin: 'me',
      acknowledge: false,
    })
    expect(messageOf(JSON.stringify({ ...invalidation, soft: true, ack: true }))).toMatchObject({
      soft: true,
      acknowledge: true,
    })
  })

  it('without roots invalidates everything, as a list or as the empty table of Lua', () => {
    for (const roots of [[], {}]) {
      const message = messageOf(JSON.stringify({ ...invalidation, roots, keys: {} }))
      expect(message).toMatchObject({ kind: 'invalidation', roots: 'all' })
    }
  })

  it('has its dependencies escaped, and gives them as they are', () => {
    const roots = ['tag:a\nb', 'tag:\\', 'url:https://shop.example/\u00e9', 'tag:\ud800', 'tag:"']
    const text = JSON.stringify({ ...invalidation, roots: roots.map(encodeDependency) })
    expect(messageOf(text)).toMatchObject({ roots })
    // What no encoder writes names what it says.
    expect(messageOf(JSON.stringify({ ...invalidation, roots: ['tag:\\x'] }))).toMatchObject({
      roots: ['tag:\\x'],
    })
  })

  it('without a number comes from somebody else, and names keys', () => {
    const { type, keys, origin } = invalidation
    for (const text of [
      { type, keys },
      { type, keys, origin, roots: ['tag:a'] },
    ]) {
      expect(messageOf(JSON.stringify(text))).toEqual({ kind: 'foreign', keys: ['fragment:top'] })
    }
    expect(messageOf('{"type":"EVICT","keys":{}}')).toEqual({ kind: 'foreign', keys: [] })
  })

  it('tells that others need not wait for keys any more', () => {
    expect(messageOf('{"type":"FILLED","keys":["a","b"]}')).toEqual({
      kind: 'filled',
      keys: ['a', 'b'],
    })
  })

  it('acknowledges an invalidation, as acknowledgement() writes it', () => {
    expect(messageOf(acknowledgement('e1', 7, 'me'))).toEqual({
      kind: 'acknowledgement',
      epoch: 'e1',
      number: 7,
      origin: 'me',
    })
  })

  it('may leave out who sent it, and have fields that are not known yet', () => {
    const { origin: _, ...rest } = invalidation
    expect(messageOf(JSON.stringify({ ...rest, later: 1 }))).toMatchObject({
      origin: '',
      number: 7,
    })
  })
})

describe('what is no message', () => {
  it.each([
    '',
    'EVICT',
    'null',
    '5',
    '"EVICT"',
    '[]',
    '{}',
    '{"type":"EVICT"}',
    '{"type":"evict","keys":[]}',
    '{"type":["EVICT"],"keys":[]}',
    '{"type":"EVICT","keys":"a"}',
    '{"type":"EVICT","keys":[1]}',
    '{"type":"EVICT","keys":["a",null]}',
    '{"type":"EVICT","keys":{"0":"a"}}',
    '{"type":"EVICT","keys":null}',
    '{"type":"FILLED"}',
    '{"type":"FILLED","keys":[{}]}',
    '{"type":"ACK","seq":7,"epoch":"e1"}',
    '{"type":"ACK","seq":"7","epoch":"e1","origin":"me"}',
    '{"type":"ACK","seq":7,"epoch":1,"origin":"me"}',
    '{"type":"EVICT","keys":[],"seq":7,"epoch":"e1"}',
    '{"type":"EVICT","keys":[],"seq":7,"epoch":"e1","roots":{"a":1}}',
    '{"type":"EVICT","keys":[],"seq":7,"epoch":"e1","roots":[7]}',
    '{"type":"EVICT","keys":[],"seq":7,"roots":[]}',
    '{"type":"EVICT","keys":[],"seq":null,"epoch":"e1","roots":[]}',
    '{"type":"EVICT","keys":[],"seq":"7","epoch":"e1","roots":[]}',
    '{"type":"EVICT","keys":[],"seq":7.5,"epoch":"e1","roots":[]}',
    '{"type":"EVICT","keys":[],"seq":9007199254740993,"epoch":"e1","roots":[]}',
    '{"__proto__":{"type":"EVICT","keys":[]}}',
  ])('%s is not taken for one', (text) => {
    expect(messageOf(text)).toBeUndefined()
  })

  it('longer than 4 Mi characters is not read', () => {
    const keys = [' '.repeat(4 * 1024 * 1024)]
    expect(messageOf(JSON.stringify({ type: 'EVICT', keys }))).toBeUndefined()
  })

  const seed = 7_003
  it(`S-33: cut off, or with something changed in it, never throws (seed ${seed})`, () => {
    const random = new Random(seed)
    const text = JSON.stringify(invalidation)
    let read = 0
    for (let i = 0; i < 5_000; i++) {
      const at = random.below(text.length)
      const changed = `${text.slice(0, at)}${random.one(['', '}', '"', '\\', '[', '\u0000', '7'])}`
      const message = messageOf(random.chance(0.3) ? changed : changed + text.slice(at + 1))
      if (message !== undefined) read++
    }
    expect(read).toBeGreaterThan(500)
  })
})
