/** What scripts return, with bulk strings as bytes; whatever is not of the shape that was expected reads as empty. */
export function listIn(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : []
}

export function textIn(reply: unknown): string {
  if (typeof reply === 'string') return reply
  return Buffer.isBuffer(reply) ? reply.toString() : ''
}

export function numberIn(reply: unknown): number {
  return typeof reply === 'number' ? reply : Number(textIn(reply))
}

export function bytesIn(reply: unknown): Buffer | undefined {
  return Buffer.isBuffer(reply) ? reply : undefined
}
