/**
 * Scheme and host as browsers write them: in lower case, with names of other alphabets encoded, and without the port that goes without
 * saying.
 *
 * @returns undefined where it is more than that (a user, a password, a path), or no host
 */
export function originOf(text: string): string | undefined {
  if (!/^https?:\/\/[^\s/?#\\@]+$/i.test(text) || !URL.canParse(text)) return undefined
  return new URL(text).origin
}
