// What the cache did for this page, told without asking again: in development responses say it in
// their Server-Timing header, and the browser hands that to the page.

const words = {
  'uri-miss': 'nothing was stored yet',
  expired: 'what was stored had become too old',
  invalidated: 'what was stored had been invalidated',
  evicted: 'what was stored had to make room',
  'hit-for-miss': 'its last answers could not be stored',
  fresh: '',
  validated: 'the record has not changed',
  collapsed: 'another request was making it',
  method: 'only GET and HEAD are cached',
  credentials: 'the request carries a password',
  'not stored: off': 'never stored',
  'not stored: no-store': 'never stored',
  'not stored: draft no such page': 'not stored: no such page',
}

/** How long ago, in the two largest units at most. */
function ago(seconds) {
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}

/** The fragments of this page, from the comments around them. */
function fragments() {
  const found = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_COMMENT)
  while (walker.nextNode()) {
    const [, madeAt, key] = /^fragment (\d+) (.*)$/s.exec(walker.currentNode.data) ?? []
    if (key === undefined) continue
    let element = walker.currentNode.nextSibling
    while (element && element.nodeType !== Node.ELEMENT_NODE) element = element.nextSibling
    found.push({ key: key.replace(/^fragment:/, ''), madeAt: Number(madeAt), element })
  }
  return found
}

/** A button that outlines the fragments, each with its key, its age, and whether it was made for this page. */
function outline(found, pageMadeAt) {
  const isNew = ({ madeAt }) => madeAt >= pageMadeAt
  const fresh = found.filter(isNew).length
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = `${found.length} fragments, ${fresh} made with the page`
  button.setAttribute('aria-pressed', 'false')
  button.addEventListener('click', () => {
    const isOn = document.body.classList.toggle('show-fragments')
    button.setAttribute('aria-pressed', String(isOn))
  })
  for (const fragment of found) {
    const { element, key, madeAt } = fragment
    if (!element) continue
    const age = ago(Math.max(0, Math.round((Date.now() - madeAt) / 1000)))
    const how = isNew(fragment) ? 'made with this page' : 'from the cache'
    element.dataset.fragment = `${key}, ${how}, ${age} old`
    element.dataset.fragmentState = isNew(fragment) ? 'made' : 'cached'
    element.title = element.dataset.fragment
  }
  return button
}

/** Which instance answered, and how it came to the page. */
function answered(what) {
  const how = {
    hit: told.has('redis') ? 'had it from Redis' : 'had it in its memory',
    miss: 'made it',
    bypass: 'made it',
    browser: 'was not asked: the browser had it',
  }
  return `Instance ${told.get('instance')} ${how[what] ?? 'answered'}.`
}

const bar = document.querySelector('#cache-bar')
const [navigation] = performance.getEntriesByType('navigation')
const told = new Map(navigation?.serverTiming.map(({ name, description }) => [name, description]))

// For example "hit: fresh" or "miss: uri-miss; not stored: private".
const [verdict, ...reasons] = (told.get('cacheflow') ?? '').split(/: (?=.)(.*)/s)

/** What happened, and what is to be said about it. */
function story() {
  const made = Date.parse(told.get('made') ?? '')
  const seconds = Math.round((performance.timeOrigin + navigation.responseStart - made) / 1000)
  const by = told.has('warmer') ? ' by a warmer' : ''
  const age = Number.isNaN(made) ? '' : `made ${ago(Math.max(0, seconds))} ago${by}`
  // Going back shows what the browser still has; what it was told then is no longer news.
  if (navigation.transferSize === 0 && navigation.decodedBodySize > 0) {
    return ['browser', 'the shop was not asked', age]
  }

  const [reason, ...rest] = reasons.join('').split('; ')
  // That a page is not stored says more than that it was not found.
  const refusal = rest.find((other) => verdict === 'miss' && other.startsWith('not stored'))
  const telling = (refusal ?? reason).trim()
  const milliseconds = navigation.responseStart - navigation.requestStart
  return [
    verdict,
    words[telling] ?? telling,
    verdict === 'hit' && told.has('redis') ? 'from Redis' : '',
    verdict === 'hit' ? age : '',
    `answered in ${milliseconds.toFixed(1)} ms`,
  ]
}

if (bar && verdict) {
  const [what, ...about] = story()
  const word = document.createElement('strong')
  word.textContent = what
  word.className = what
  const text = document.createElement('span')
  text.textContent = about.filter(Boolean).join(' · ')
  const link = document.createElement('a')
  link.href = '/_cache/'
  link.textContent = 'Look inside'
  const found = fragments()
  const made = Date.parse(told.get('made') ?? '')
  bar.append(word, text, ...(found.length > 0 ? [outline(found, made)] : []), link)
  bar.hidden = false
  const footer = document.querySelector('#answered')
  if (footer && told.has('instance')) {
    footer.textContent = answered(what)
    footer.hidden = false
  }
}
