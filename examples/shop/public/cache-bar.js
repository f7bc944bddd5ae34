// What the cache did for this page, told without asking again: in development the response carries
// it in its Server-Timing header, and the browser hands that to the page.

const bar = document.querySelector('#cache-bar')
const [navigation] = performance.getEntriesByType('navigation')
const timing = navigation?.serverTiming.filter(({ name }) => name.startsWith('cacheflow')) ?? []

if (bar && timing.length > 0) {
  const [word, ...rest] = timing
    .map(({ description }) => description)
    .join('; ')
    .split('; ')
  const milliseconds = navigation.responseStart - navigation.requestStart
  const parts = [...rest.filter(Boolean), `answered in ${milliseconds.toFixed(1)} ms`]

  const verdict = document.createElement('strong')
  verdict.textContent = word
  verdict.className = word.split(' ')[0]
  const link = document.createElement('a')
  link.href = '/_cache/'
  link.textContent = 'Cache'
  bar.append(link, verdict, parts.join(' · '))
  bar.hidden = false
}
