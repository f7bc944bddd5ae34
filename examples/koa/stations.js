/**
 * @typedef {object} Station
 * @property {string} id
 * @property {string} name
 * @property {string} region
 * @property {number} altitude    metres
 * @property {{ at: number, celsius: number }[]} readings    newest first
 * @property {number} updatedAt    milliseconds since 1970
 */

const places = [
  ['cairn', 'Cairn Hut', 'north', 1084],
  ['delta', 'River Delta', 'north', 3],
  ['dunes', 'Long Dunes', 'west', 11],
  ['ferry', 'Ferry Landing', 'west', 2],
  ['glen', 'Upper Glen', 'east', 412],
  ['mill', 'Old Mill', 'east', 96],
  ['pass', 'Sheep Pass', 'south', 1671],
  ['quay', 'Fishing Quay', 'south', 4],
]

/** Weather stations, in memory: where another application has its database. */
export class Stations {
  /** @type {Map<string, Station>} */
  #stations = new Map()

  constructor() {
    const now = Date.now()
    for (const [id, name, region, altitude] of places) {
      const readings = Array.from({ length: 12 }, (_, hour) => ({
        at: now - hour * 3_600_000,
        celsius: Math.round(180 - altitude * 0.065 * 10 - Math.sin(hour / 4) * 40) / 10,
      }))
      this.#stations.set(id, { id, name, region, altitude, readings, updatedAt: now })
    }
  }

  /** @returns {string[]} */
  get regions() {
    return [...new Set([...this.#stations.values()].map(({ region }) => region))]
  }

  /** @param {string | undefined} region */
  list(region) {
    const all = [...this.#stations.values()]
    return region === undefined ? all : all.filter((station) => station.region === region)
  }

  /** @param {string} id */
  find(id) {
    return this.#stations.get(id)
  }

  /**
   * @param {string} id
   * @param {{ name: string, altitude: number }} facts
   */
  describe(id, facts) {
    return this.#change(id, facts)
  }

  /**
   * @param {string} id
   * @param {number} celsius
   */
  record(id, celsius) {
    const readings = [{ at: Date.now(), celsius }, ...(this.#stations.get(id)?.readings ?? [])]
    return this.#change(id, { readings: readings.slice(0, 48) })
  }

  /**
   * @param {string} id
   * @param {Partial<Station>} change
   */
  #change(id, change) {
    const station = this.#stations.get(id)
    if (station === undefined) return undefined
    // Two changes in one millisecond are two versions.
    const updatedAt = Math.max(Date.now(), station.updatedAt + 1)
    const changed = { ...station, ...change, updatedAt }
    this.#stations.set(id, changed)
    return changed
  }
}
