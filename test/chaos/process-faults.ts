import { type Draw, lasting, placeIn } from './fault.ts'

/** What happens to the processes of the application. */
export const processFaults = {
  'process-stop': (random, field) => {
    const place = placeIn(random, field)
    const lasts = lasting(random, field.staleness)
    const { [place]: instance } = field.instances
    return {
      text: `process ${place} stands still for ${lasts} ms`,
      holds: [`process ${place}`],
      lasts,
      begin: () => instance?.pause(),
      end: () => instance?.resume(),
    }
  },
  'process-kill': (random, field) => {
    const place = placeIn(random, field)
    const lasts = Math.round(random.next() * field.staleness)
    return {
      text: `process ${place} is killed, and back after ${lasts} ms`,
      holds: [`process ${place}`],
      lasts,
      begin: () => field.instances[place]?.kill(),
      end: () => field.restart(place),
    }
  },
} satisfies Record<string, Draw>
