import type { Random } from '../support/random.ts'
import { each, fragment, type Part, text, value } from './part.ts'

const depths = ['row', 'item', 'leaf'] as const

/**
 * A page of loops, texts and fragments within each other. What a fragment shows of rows it depends on: its own row, the rows in
 * it, which touch it, and what other fragments in it depend on.
 */
export function randomPage(random: Random): Part[] {
  let fragments = 0

  /**
   * @param at how many loops are around
   * @param base the depth of the row that the fragment around is made of; -1 where none is around, undefined where it has none
   */
  function parts(at: number, base: number | undefined): Part[] {
    return Array.from({ length: 1 + random.below(3) }, () => part(at, base))
  }

  function part(at: number, base: number | undefined): Part {
    const kind = random.below(4)
    if (kind === 0 && at < depths.length) {
      const row = depths[at] ?? ''
      return each(
        row,
        at === 0 ? undefined : depths[at - 1],
        text('<i>'),
        ...parts(at + 1, base),
        text('</i>'),
      )
    }
    if (kind === 1 && fragments < 40) {
      const name = `f${fragments++}`
      if (at === 0)
        return fragment(name, undefined, text('<s>'), ...parts(0, undefined), text('</s>'))
      return fragment(name, depths[at - 1], text('<u>'), ...parts(at, at - 1), text('</u>'))
    }
    const shown = random.below(at + 1) - 1
    const mayShow = base === -1 || (base !== undefined && (shown === base || shown === base + 1))
    return shown >= 0 && mayShow
      ? value(depths[shown] ?? '')
      : text(random.one(['a', '<b>$&</b>', "$1 $' \\n"]))
  }

  return [each('row', undefined, ...parts(1, -1)), ...parts(0, -1)]
}
