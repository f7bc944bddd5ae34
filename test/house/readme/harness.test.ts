import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { root } from '../imports.ts'
import { blocks, programs } from './blocks.ts'
import { exchanges } from './exchange.ts'
import { run, typeErrors, write } from './program.ts'
import { shellProblems } from './shell.ts'

// The tool that runs the README, on a README that is wrong where it says so.
const sample = `
<!-- given
import { createServer } from 'node:http'
-->

\`\`\`ts
const server = createServer((request, response) => {
  response.setHeader('X-Method', request.method ?? '')
  response.end('path ' + request.url)
})
\`\`\`

<!-- continues -->

\`\`\`ts
server.listen(3000)
\`\`\`

\`\`\`http
GET /a HTTP/1.1

HTTP/1.1 200 OK
X-Method: GET
Date: …

path /a

HEAD /b HTTP/1.1
Accept: text/html

HTTP/1.1 404 Not Found
X-Method: …D
X-Other: 1
\`\`\`

\`\`\`js
const count: number = 'one'
\`\`\`
`

const folder = `${root}test/house/.readme-sample`
const [server, wrong, ...more] = write(folder, programs(sample))

describe('the README harness', () => {
  it('finds every block and the line where it stands', () => {
    expect(blocks(sample).map(({ language, line }) => [language, line])).toEqual([
      ['ts', 6],
      ['ts', 15],
      ['http', 19],
      ['js', 36],
    ])
    expect(more).toEqual([])
  })

  it('runs a program on a free port and shows where an answer differs', async () => {
    const outcomes = server ? await run(server) : []
    expect(outcomes.map((outcome) => outcome.seen)).toEqual([
      outcomes[0]?.expected,
      { status: 200, headers: { 'x-method': '…D', 'x-other': '(absent)' }, body: '' },
    ])
  })

  it("keeps CONTRIBUTING's example of a README true", { timeout: 60_000 }, async () => {
    const contributing = readFileSync(`${root}CONTRIBUTING.md`, 'utf8')
    const [example] = blocks(contributing).filter(({ language }) => language === 'md')
    const place = `${root}test/house/.readme-contributing`
    const [program, ...others] = write(place, programs(example?.text ?? ''))
    const outcomes = program ? await run(program) : []
    expect(others).toEqual([])
    expect(typeErrors(place)).toEqual([])
    expect(outcomes).toHaveLength(2)
    for (const { expected, seen } of outcomes) expect(seen).toEqual(expected)
  })

  it('compiles each program by itself and names the line of the block', { timeout: 60_000 }, () => {
    expect(wrong?.program.line).toBe(36)
    expect(typeErrors(folder)).toEqual([expect.stringMatching(/^line-36\.ts\(2,7\): error TS2322/)])
  })

  it('refuses requests that no answer follows', () => {
    expect(() => exchanges('GET /a HTTP/1.1\n')).toThrow('expected a request and its answer')
    expect(() => exchanges('FETCH /a\n')).toThrow('expected a request line')
    expect(() => programs('```http\nGET /a\n```\n')).toThrow('no program')
  })

  it('knows which commands exist', () => {
    const commands =
      'npm install && npm test # both\nnpm install cacheflow express\nnpm run check -- types'
    expect(shellProblems(commands)).toEqual([])
    expect(
      shellProblems('npm run nothing\ncd nowhere\ncurl localhost\nnpm install left-pad'),
    ).toEqual([
      'npm run nothing: package.json has no script nothing',
      'cd nowhere: there is no folder nowhere',
      'curl localhost: only cd, npm and node can be checked',
      'npm install left-pad: there is no nowhere/package.json',
    ])
  })
})
