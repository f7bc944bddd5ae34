/** Milliseconds of the system's monotonic clock: the same for every process of this machine. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds)
  })
}
