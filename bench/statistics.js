/** The middle value: one disturbed round does not move it. @param {number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * The middle and how far the values lie from it: the median of the absolute deviations.
 * @param {number[]} values @returns {{ median: number, deviation: number }}
 */
export function summary(values) {
  const middle = median(values)
  return { median: middle, deviation: median(values.map((value) => Math.abs(value - middle))) }
}

/**
 * `a` by `b`, round by round: both stand next to each other in time, so what slows the whole machine
 * for a while leaves the ratio alone.
 * @param {number[]} a @param {number[]} b
 */
export function ratio(a, b) {
  return summary(a.map((value, round) => value / b[round]))
}
