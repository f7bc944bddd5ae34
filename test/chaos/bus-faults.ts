import type { Random } from '../support/random.ts'
import { type Draw, type Fault, type Field, lasting, placeIn } from './fault.ts'

/** Connections of an instance: the one that listens for invalidations, or those that send commands. */
type Lane = 'subscribers' | 'commands'

/** The channel of the default namespace. */
const channel = 'cacheflow:invalidation'

/** What happens between the processes and Redis: to the connections, and to the messages of others. */
export const busFaults = {
  'bus-cut': (random, field) => cut(random, field, 'subscribers'),
  'bus-block': (random, field) => block(random, field, 'subscribers'),
  'bus-delay': (random, field) => delay(random, field, 'subscribers'),
  'command-cut': (random, field) => cut(random, field, 'commands'),
  'command-block': (random, field) => block(random, field, 'commands'),
  'command-delay': (random, field) => delay(random, field, 'commands'),
  partition: (random, field) => {
    const place = placeIn(random, field)
    const lasts = lasting(random, field.staleness)
    return {
      text: `process ${place} and redis do not reach each other for ${lasts} ms`,
      holds: [`subscribers ${place}`, `commands ${place}`],
      lasts,
      begin: () => field.wires[place]?.block(),
      end: () => field.wires[place]?.unblock(),
    }
  },
  'messages-again': (random, field) => {
    const some = Array.from({ length: 1 + random.below(20) }, () => anyOf(field.messages, random))
    return publishing(field, 'messages that were there before', some)
  },
  'message-without-number': (random, field) => {
    const message = { type: 'EVICT', keys: [`fragment:card item:${random.below(24)}`] }
    return publishing(field, 'a message without number', [JSON.stringify(message)])
  },
  'message-of-another-epoch': (random, field) => {
    const message = {
      type: 'EVICT',
      keys: [],
      roots: [`entity:item:${random.below(24)}`],
      ...parsed(anyOf(field.messages, random)),
      epoch: `epoch-${random.below(1e6)}`,
      seq: random.below(1e6),
      origin: 'somebody',
    }
    return publishing(field, 'a message of another epoch', [JSON.stringify(message)])
  },
  'message-malformed': (random, field) =>
    publishing(field, 'a message that is none', [random.one(malformed)]),
} satisfies Record<string, Draw>

const malformed = [
  '',
  '{',
  'null',
  '[]',
  '{}',
  '\u0000\u0001',
  '{"type":"EVICT"}',
  '{"type":"EVICT","keys":"all"}',
  '{"type":"EVICT","keys":[1,null,{}],"seq":"7","epoch":7,"roots":{}}',
  '{"type":"EVICT","keys":[],"seq":-1,"epoch":"","roots":[]}',
  '{"type":"EVICT","keys":[],"seq":1e308,"epoch":"x","roots":[""]}',
  '{"type":"NOTHING","keys":["fragment:card item:1"]}',
  `{"type":"EVICT","keys":["${'x'.repeat(100_000)}"]}`,
]

function cut(random: Random, field: Field, lane: Lane): Fault {
  const place = placeIn(random, field)
  return {
    text: `${lane} of process ${place}: cut`,
    holds: [`${lane} ${place}`],
    lasts: 0,
    begin: () => field.wires[place]?.[lane].cut(),
  }
}

function block(random: Random, field: Field, lane: Lane): Fault {
  const place = placeIn(random, field)
  const lasts = lasting(random, field.staleness)
  return {
    text: `${lane} of process ${place}: nothing passes for ${lasts} ms`,
    holds: [`${lane} ${place}`],
    lasts,
    begin: () => field.wires[place]?.[lane].block(),
    end: () => field.wires[place]?.[lane].unblock(),
  }
}

function delay(random: Random, field: Field, lane: Lane): Fault {
  const place = placeIn(random, field)
  const lasts = lasting(random, field.staleness)
  const milliseconds = 1 + Math.floor(random.next() ** 2 * field.staleness)
  return {
    text: `${lane} of process ${place}: ${milliseconds} ms late, for ${lasts} ms`,
    holds: [`${lane} ${place}`],
    lasts,
    begin: () => field.wires[place]?.[lane].delay(milliseconds),
    end: () => field.wires[place]?.[lane].delay(0),
  }
}

function publishing({ server }: Field, text: string, messages: readonly string[]): Fault {
  return {
    text,
    holds: ['the channel'],
    lasts: 0,
    begin: async () => {
      for (const message of messages) await server.command('PUBLISH', channel, message)
    },
  }
}

function anyOf(messages: readonly string[], random: Random): string {
  return messages.length === 0 ? '{}' : random.one(messages)
}

function parsed(message: string): object {
  try {
    const value: unknown = JSON.parse(message)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
