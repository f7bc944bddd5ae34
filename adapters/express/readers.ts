import { type KnownReaders, isCodeOf } from '../../src/adapter.ts'

/** Stores of sessions that hand on what they are asked for, and nothing else. */
const stores = [
  'express-session',
  'connect-redis',
  'connect-mongo',
  'connect-pg-simple',
  'connect-session-sequelize',
  'express-mysql-session',
  'memorystore',
  'session-file-store',
]

/**
 * Is what the session was read from a store that is known? One of the application's own has been given the session's name, and
 * may have handed on more than express-session puts on the request.
 */
function hasKnownStore(request: object, file: string): boolean {
  const store: unknown = Reflect.get(request, 'sessionStore')
  if (typeof store !== 'object' || store === null) return false
  return (
    isCodeOf(Reflect.get(store, 'get'), stores, file) &&
    isCodeOf(Reflect.get(store, 'createSession'), stores, file)
  )
}

/** Packages around Express whose reads do not shape a response by themselves. */
export const readers: KnownReaders = {
  passThrough: [
    {
      package: 'cookie-parser',
      begins: 'cookies',
      until: 'cookies',
      keeps: 'cookies',
      walker: 'cookieParser',
    },
    {
      package: 'express-session',
      begins: 'session',
      until: 'sessionID',
      keeps: 'session',
      isKept: hasKnownStore,
    },
  ],
  loggers: [{ package: 'morgan', notes: 'logger', keeps: '_remoteAddress', writes: 'logRequest' }],
  framers: /[\\/]node_modules[\\/]finalhandler[\\/]/,
  between:
    /[\\/]node_modules[\\/](express[^\\/]*[\\/]lib[\\/]request\.js$|(proxy-addr|forwarded)[\\/])/,
  trusting: /[\\/]node_modules[\\/]express[^\\/]*[\\/]lib[\\/]request\.js$/,
  // None of them asks for the host.
  routers: { files: /(?!)/, between: /(?!)/ },
  coders: {
    files:
      /[\\/]node_modules[\\/](compression|koa-compress|express-compression|http-compression)[\\/]/,
    between: /[\\/]node_modules[\\/](accepts|negotiator|koa\d?[\\/]lib)[\\/]/,
  },
}
