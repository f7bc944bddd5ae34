import { ejsLanguage } from './languages/ejs.ts'
import { viewConformance } from './suite.ts'

viewConformance(ejsLanguage)
