/**
 * `npm run bench`: what a hit and a miss cost, each variant a process of its own, all interleaved; what is shared by
 * Redis, and what visitors notice of warming.
 *
 *   --quick             fewer rounds, fewer requests
 *   --only=<pattern>    a regular expression over `<case>/<variant>` `redis/<subject>` and `warming/visitors`; what is compared with comes along
 *   --rounds=<n>        counted rounds, after some to warm up
 *   --requests=<n>      counted requests a round, instead of each case's own number
 *   --json              print the samples themselves
 *   --write             put the result into docs/benchmarks.md
 *   --list              print what there is to measure
 *   --profile=<variant> or <case>/<variant>: where the time of one variant goes
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

import { assemblyReport } from './assembly.js'
import { comparedWith, verdicts } from './bars.js'
import { CASES } from './cases.js'
import { Child } from './child.js'
import { Subject } from './measure.js'
import { profileReport } from './profile.js'
import { GROUPS, subjectsOf, subjectsReport } from './subjects.js'
import { report } from './table.js'
import { VARIANTS } from './variants.js'

/**
 * @typedef {Record<string, Record<string, import('./measure.js').Sample[]>>} Results  by case, by variant
 * @typedef {{ command: string, date: string, rounds: number, results: Results }} Run
 */

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    rounds: { type: 'string' },
    requests: { type: 'string' },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
})

/** Seconds for each process, before the first round: the compiler has to have done its work. */
const WARM_UP = options.quick ? 0.3 : 1.2
/** So many rounds are not counted: the pauses between them are new to the processes. */
const WARM_UP_ROUNDS = options.quick ? 1 : 2
/** Requests of each sample that are not counted. */
const RUN_IN = options.quick ? 400 : 1000
/** A profile takes so many times the requests of a round. */
const PROFILE_ROUNDS = 12
const PROFILE_WARM_UP = 4
const rounds = counted('rounds') ?? (options.quick ? 4 : 11)
const requestsARound = counted('requests')
const load = new Child('load', 'load.js')
/** @type {[keyof typeof GROUPS, string[]][]} */
const groups = Object.keys(GROUPS)
  .map((group) => [group, subjectsOf(group, new RegExp(options.only))])
  .filter(([, names]) => names.length > 0)

try {
  if (options.list)
    console.log(
      [
        ...selected().flatMap(({ wanted, variants }) =>
          variants.map(({ id }) => `${wanted.id}/${id}`),
        ),
        ...groups.flatMap(([, names]) => names),
      ].join('\n'),
    )
  else if (options.profile) await profile(options.profile)
  else await bench()
} finally {
  await load.stop()
}

async function bench() {
  if (selected().length === 0 && groups.length === 0)
    throw new Error(`--only=${options.only} fits nothing; see npm run bench -- --list`)
  const command = [
    'npm run bench',
    ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : []),
  ].join(' ')
  if (selected().length > 0) await benchHits(command)
  for (const [group, names] of groups) await benchSubjects(group, names, command)
}

async function benchSubjects(group, names, command) {
  const { quick, json, write } = options
  const { markdown, reports } = await subjectsReport(group, names, { quick, command, progress })
  console.log(json ? JSON.stringify(reports, null, 2) : markdown)
  if (write) writeDocument(markdown, GROUPS[group].section)
}

async function benchHits(command) {
  const results = {}
  for (const { wanted, variants } of selected())
    results[wanted.id] = await measure(wanted, variants)
  const run = { command, date: new Date().toISOString().slice(0, 10), rounds, results }
  const pages = options.only === '' && !options.json ? `\n\n${await assemblyReport()}` : ''
  const markdown = report(run) + pages
  console.log(
    options.json ? JSON.stringify({ ...run, bars: verdicts(results) }, null, 2) : markdown,
  )
  if (options.write) writeDocument(markdown, 'measured')
}

/**
 * Round after round through all variants: A B C ... A B C ... Every ratio leans on the base: it counts with the mean of two
 * processes of the same server, the first and the last of each round, each measured as often as all others.
 */
async function measure(wanted, variants) {
  const requests = requestsOf(wanted)
  const subjects = new Map(
    variants.map((variant) => [variant.id, new Subject(variant, wanted, load, RUN_IN)]),
  )
  const samples = Object.fromEntries(variants.map(({ id }) => [id, []]))
  try {
    const start = performance.now()
    for (const subject of subjects.values()) {
      await subject.start()
      await subject.warmUp(WARM_UP)
    }
    for (let round = 1 - WARM_UP_ROUNDS; round <= rounds; round++) {
      const ofRound = {}
      for (const { id } of variants) ofRound[id] = await subjects.get(id).sample(requests)
      const seconds = ((performance.now() - start) / 1000).toFixed(0)
      progress(
        `${wanted.id}: ${round > 0 ? `round ${round} of ${rounds}` : 'warm-up'}, ${seconds} s`,
      )
      if (round < 1) continue
      const { node, 'node-again': again } = ofRound
      if (node && again) ofRound.node = mean([node, again])
      for (const [id, sample] of Object.entries(ofRound)) samples[id].push(sample)
    }
  } finally {
    for (const subject of subjects.values()) await subject.stop()
  }
  return samples
}

/** @param {import('./measure.js').Sample[]} several */
function mean(several) {
  const of = (name) => several.reduce((sum, sample) => sum + sample[name], 0) / several.length
  return { cpu: of('cpu'), perSecond: of('perSecond'), busy: of('busy') }
}

async function profile(name) {
  const [variantId, caseId = 'html'] = name.split('/').toReversed()
  const wanted = CASES.find(({ id }) => id === caseId)
  const variant = VARIANTS.find(({ id }) => id === variantId)
  if (!wanted || !variant?.cases.includes(caseId))
    throw new Error(`There is no ${caseId}/${variantId}; see npm run bench -- --list`)
  const requests = requestsOf(wanted) * PROFILE_ROUNDS
  const subject = new Subject(variant, wanted, load, RUN_IN)
  try {
    await subject.start()
    await subject.warmUp(PROFILE_WARM_UP)
    const { cpu } = await subject.sample(requests)
    console.log(
      `${caseId}/${variantId}: ${cpu.toFixed(1)} µs of CPU a request without the profiler\n`,
    )
    console.log(profileReport(await subject.profile(requests), requests))
  } finally {
    await subject.stop()
  }
}

/** What `--only` asks for, with what it is compared with. */
function selected() {
  const pattern = new RegExp(options.only)
  return CASES.map((wanted) => {
    const possible = VARIANTS.filter(({ cases }) => cases.includes(wanted.id))
    const asked = possible
      .filter(({ id }) => pattern.test(`${wanted.id}/${id}`))
      .map(({ id }) => id)
    const needed = new Set(asked.flatMap((id) => [id, ...comparedWith(id, wanted.id)]))
    if (asked.length > 0 && wanted.kind === 'hit') needed.add('node').add('node-again')
    return { wanted, variants: possible.filter(({ id }) => needed.has(id)) }
  }).filter(({ variants }) => variants.length > 0)
}

/** A whole number above 0, where the option is given. */
function counted(name) {
  const given = options[name]
  if (given === undefined || /^[1-9][0-9]*$/.test(given)) return given && Number(given)
  throw new Error(`--${name}=${given} is not a whole number above 0.`)
}

function requestsOf({ requests }) {
  if (requestsARound) return requestsARound
  return options.quick ? Math.round(requests / 2) : requests
}

/** To the terminal, and never into what `--json` gives to a pipe. */
function progress(line) {
  console.error(line)
}

function writeDocument(markdown, place) {
  const file = new URL('../docs/benchmarks.md', import.meta.url)
  const [before, after] = [`<!-- ${place}: begin -->`, `<!-- ${place}: end -->`]
  const text = readFileSync(file, 'utf8')
  const from = text.indexOf(before)
  const to = text.indexOf(after)
  if (from === -1 || to === -1)
    throw new Error(`docs/benchmarks.md has lost its line ${before} or ${after}.`)
  writeFileSync(file, `${text.slice(0, from + before.length)}\n\n${markdown}\n\n${text.slice(to)}`)
}
