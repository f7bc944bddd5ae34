import { pugLanguage } from './languages/pug.ts'
import { viewConformance } from './suite.ts'

viewConformance(pugLanguage)
