/**
 * A child process that is asked questions: one message out, one answer back.
 */
import { spawn, spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

// The server has one core for itself and the load another one, where the system can promise that.
const pinned =
  availableParallelism() > 1 && spawnSync('taskset', ['-c', '0,1', 'true']).status === 0

/** Whether servers and load are held apart; it belongs to the description of a run. */
export const corePinning = pinned
  ? 'server on one core, load on the other (taskset)'
  : 'not pinned to cores'

export class Child {
  #process
  #answers = []
  #exited

  /**
   * @param {'server' | 'load'} role
   * @param {string} module     beside this file
   * @param {string[]} args
   */
  constructor(role, module, args = []) {
    const command = [process.execPath, fileURLToPath(new URL(module, import.meta.url)), ...args]
    if (pinned) command.unshift('taskset', '-c', role === 'server' ? '0' : '1')
    this.#process = spawn(command[0], command.slice(1), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, NODE_ENV: 'production' },
    })
    this.#process.on('message', (message) => {
      const { resolve, reject } = this.#answers.shift()
      if (message.error) reject(new Error(message.error))
      else resolve(message)
    })
    this.#exited = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#process.once('exit', (code) => {
      for (const { reject } of this.#answers)
        reject(new Error(`${module} ${args.join(' ')} ended with code ${code}.`))
    })
  }

  /** Sends a message (none at the very start, when the child speaks first) and waits for the answer. */
  ask(message) {
    return new Promise((resolve, reject) => {
      this.#answers.push({ resolve, reject })
      if (message !== undefined) this.#process.send(message)
    })
  }

  /** Ends this child, and only this one. */
  async stop() {
    if (this.#process.connected) this.#process.disconnect()
    await this.#exited
  }
}
