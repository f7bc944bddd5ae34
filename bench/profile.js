/**
 * A CPU profile as text: which functions the time of a request goes to.
 */

/**
 * @param {object} profile   a .cpuprofile
 * @param {number} requests  answered while it was taken
 * @param {number} top       how many functions to show
 */
export function profileReport(profile, requests, top = 40) {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node.callFrame]))
  const functions = new Map()
  const areas = new Map()
  let total = 0
  profile.samples.forEach((id, index) => {
    const frame = nodes.get(id)
    // Neither waiting nor the profiler's own starting and stopping belongs to a request.
    if (frame.functionName === '(idle)' || (frame.functionName === 'dispatch' && frame.url === ''))
      return
    const microseconds = profile.timeDeltas[index]
    total += microseconds
    add(functions, `${frame.functionName || '(anonymous)'} ${place(frame)}`, microseconds)
    add(areas, area(frame), microseconds)
  })
  const lines = (sums, count) =>
    [...sums]
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, count)
      .map(
        ([name, sum]) =>
          `${(sum / requests).toFixed(2).padStart(8)} µs ${((sum / total) * 100).toFixed(1).padStart(5)} %  ${name}`,
      )
  return [
    `${(total / requests).toFixed(1)} µs a request in ${requests} requests, self time:`,
    ...lines(areas, areas.size),
    '',
    ...lines(functions, top),
  ].join('\n')
}

function add(sums, name, value) {
  sums.set(name, (sums.get(name) ?? 0) + value)
}

/** Whose code: a package, cacheflow itself, Node's JavaScript, or what has no JavaScript (the kernel's work included). */
function area({ functionName, url }) {
  if (functionName.startsWith('(')) return functionName
  if (url === '') return 'native functions'
  if (url.startsWith('node:')) return "Node's JavaScript"
  const dependency = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)
  if (dependency) return dependency[1]
  return url.includes('/bench/') ? 'the bench' : 'cacheflow'
}

/** File and line, from the project's directory on. */
function place({ url, lineNumber }) {
  if (url === '') return ''
  const root = new URL('..', import.meta.url).href
  return `${url.replace(root, '').replace(/.*node_modules\//, '')}:${lineNumber + 1}`
}
