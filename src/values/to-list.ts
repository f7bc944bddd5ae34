/** What may be given once or as a list, as a list. */
export function several<Item>(given: Item | readonly Item[]): readonly Item[] {
  return isList(given) ? given : [given]
}

function isList<Item>(given: Item | readonly Item[]): given is readonly Item[] {
  return Array.isArray(given)
}
