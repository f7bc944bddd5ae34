import { visits } from './app.js'

void visits().then((line) => process.stdout.write(`${line}\n`))
