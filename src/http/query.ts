/**
 * Query parameters that only tell where a visitor came from. Not dropped by default: name them in
 * `query: { ignore: TRACKING_PARAMETERS }` when no page of yours is made from them.
 */
export const TRACKING_PARAMETERS: readonly string[] = [
  'utm_source',
  'utm_medium',
  'utm_campaign',
  'utm_term',
  'utm_content',
  'utm_id',
  'gclid',
  'gclsrc',
  'dclid',
  'gbraid',
  'wbraid',
  'fbclid',
  'msclkid',
  'ttclid',
  'twclid',
  'li_fat_id',
  'igshid',
  'yclid',
  'mc_cid',
  'mc_eid',
  '_ga',
  '_gl',
]

/**
 * The target with only the query parameters that `keep` accepts; order and spelling of the rest stay as received.
 * Names are compared decoded, and `&` alone separates, as query parsers do: `%75tm_id` and `utm_id` are one name,
 * `a=1;utm_id=2` is one parameter `a`.
 */
export function withParameters(target: string, keep: (name: string) => boolean): string {
  const mark = target.indexOf('?')
  if (mark < 0) return target
  const kept = target
    .slice(mark + 1)
    .split('&')
    .filter((pair) => keep(parameterName(pair)))
  const path = target.slice(0, mark)
  return kept.length === 0 ? path : `${path}?${kept.join('&')}`
}

function parameterName(pair: string): string {
  const equals = pair.indexOf('=')
  const raw = (equals < 0 ? pair : pair.slice(0, equals)).replaceAll('+', ' ')
  try {
    return decodeURIComponent(raw)
  } catch {
    // Not decodable: a query parser keeps it as it is, and so it matches no plain name by accident.
    return raw
  }
}
