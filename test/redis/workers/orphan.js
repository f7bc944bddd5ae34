// Owns a process, and would run for ever.
import { spawn } from 'node:child_process'

const [directory] = process.argv.slice(2)
const { OwnProcess } = await import(`${directory}/process.js`)

const own = new OwnProcess(spawn('sleep', ['600'], { stdio: 'ignore' }))
setInterval(() => undefined, 1000)
process.send?.([process.pid, own.pid])
