/** How many ports of this machine are remembered; each is one run of a test's server. */
const MAX_ALIASES = 1_000

const aliases = new Map<string, string>()

/** Entries of requests to one origin are stored under another one. */
export function aliasOrigin(alias: string, origin: string): void {
  if (alias === origin || aliases.get(alias) === origin) return
  aliases.set(alias, origin)
  for (const oldest of aliases.keys()) {
    if (aliases.size <= MAX_ALIASES) break
    aliases.delete(oldest)
  }
}

/** The origin under which entries of this one are stored. */
export function storedOrigin(origin: string): string {
  return aliases.get(origin) ?? origin
}
