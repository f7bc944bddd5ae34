/** A promise that the test resolves, to hold a handler where the test wants it. */
export interface Latch {
  readonly opened: Promise<void>
  open(): void
}

export function latch(): Latch {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

/** Lets nobody go on until `size` callers are inside at one time: it hangs unless they run side by side. */
export function meeting(size: number): () => Promise<void> {
  const full = latch()
  let present = 0
  return async () => {
    if (++present === size) full.open()
    await full.opened
  }
}
