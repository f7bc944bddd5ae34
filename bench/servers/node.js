/**
 * The base: bare node:http that writes a ready Buffer with the three fields a page with a 304 needs.
 */

/** @param {{ page: import('../pages.js').Page, count: () => void }} setup */
export function createListener({ page }) {
  const { bytes, etag } = page
  const fields = { 'Content-Type': page.type, 'Content-Length': bytes.length, ETag: etag }
  return (request, response) => {
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304, { ETag: etag })
      response.end()
      return
    }
    response.writeHead(200, fields)
    response.end(bytes)
  }
}
