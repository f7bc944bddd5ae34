export type {
  TemplateFragment,
  TemplateFragments,
  TemplateFunctions,
} from '../flow/template-fragment.ts'
export { type Ejs, type EjsOptions, ejsFragments } from './ejs.ts'
export type { EjsSigns } from './ejs-syntax.ts'
export { type Eta, etaFragments } from './eta.ts'
export { type Handlebars, handlebarsFragments } from './handlebars.ts'
export type { HandlebarsParser } from './handlebars-digests.ts'
export { type Liquid, type LiquidFiles, liquidFragments } from './liquid.ts'
export { type NunjucksEnvironment, nunjucksFragments } from './nunjucks.ts'
export { type Pug, type PugOptions, pugFragments } from './pug.ts'
export type { Rendered, ViewEngine } from './view-engine.ts'
