import { handlebarsLanguage } from './languages/handlebars.ts'
import { viewConformance } from './suite.ts'

viewConformance(handlebarsLanguage)
