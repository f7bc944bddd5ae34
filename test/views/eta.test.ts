import { etaLanguage } from './languages/eta.ts'
import { viewConformance } from './suite.ts'

viewConformance(etaLanguage)
