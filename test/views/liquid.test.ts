import { liquidLanguage } from './languages/liquid.ts'
import { viewConformance } from './suite.ts'

viewConformance(liquidLanguage)
