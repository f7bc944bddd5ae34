/** Which connections of an instance: the one that listens for invalidations, or those that send commands. */
export type Lane = 'bus' | 'commands'

/** The way of one instance to Redis, on which things can happen. */
export class Wire {
  readonly port: number

  private constructor(port: number) {
    this.port = port
  }

  static async open(port: number): Promise<Wire> {
    return new Wire(port)
  }

  cut(_lane: Lane): void {}
  block(_lane: Lane): void {}
  unblock(_lane: Lane): void {}
  delay(_lane: Lane, _milliseconds: number): void {}
  async close(): Promise<void> {}
}
