import type { KnownReaders } from '../../src/adapter.ts'

/** Packages around Koa whose reads of the raw request do not shape a response by themselves. */
export const readers: KnownReaders = {
  // koa-session goes by the context.
  passThrough: [],
  loggers: [{ package: 'morgan', notes: 'logger', keeps: '_remoteAddress', writes: 'logRequest' }],
  framers: /[\\/]node_modules[\\/]koa[^\\/]*[\\/]lib[\\/]/,
  // Koa remembers the address that it told once, and tells it to the application next.
  between: /(?!)/,
  trusting: /(?!)/,
  routers: {
    files: /[\\/]node_modules[\\/](@koa[\\/]router|koa-router)[\\/]/,
    between: /[\\/]node_modules[\\/](koa[^\\/]*[\\/]lib|delegates)[\\/]/,
  },
  coders: {
    files:
      /[\\/]node_modules[\\/](compression|koa-compress|express-compression|http-compression)[\\/]/,
    between: /[\\/]node_modules[\\/](accepts|negotiator|koa\d?[\\/]lib)[\\/]/,
  },
}
