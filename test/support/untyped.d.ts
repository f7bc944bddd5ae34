// Engines that bring no types; the documentation's programs use them, too.
declare module 'ejs'
declare module 'hbs'
// Routers of Koa as old as their majors.
declare module 'koa-mount'
declare module 'koa-router10'
declare module 'koa-router11'
declare module 'koa-router12'
declare module 'koa-router13'
declare module 'koa-router14'
declare module 'koa-router-old'
