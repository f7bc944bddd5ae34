// The other side of worker.ts, for scripts that it runs.

/**
 * Says that the script is ready, and runs what it is asked for.
 * @param calls functions by name; a promise is waited for
 */
export function answerCalls(calls) {
  process.on('message', ({ id, name, args }) => {
    void run(calls[name], args).then((answer) => process.send?.({ id, ...answer }))
  })
  // Without the one who asks there is nothing to do.
  process.on('disconnect', () => process.exit())
  process.send?.({ id: 'ready' })
}

async function run(call, args) {
  try {
    if (call === undefined) throw new Error('the worker has no such call')
    return { result: await call(...args) }
  } catch (error) {
    return { error: { message: String(error?.message ?? error), code: error?.code } }
  }
}
