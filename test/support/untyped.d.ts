// Engines that bring no types; the documentation's programs use them, too.
declare module 'ejs'
declare module 'hbs'
