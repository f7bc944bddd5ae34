import { nunjucksLanguage } from './languages/nunjucks.ts'
import { viewConformance } from './suite.ts'

viewConformance(nunjucksLanguage)
