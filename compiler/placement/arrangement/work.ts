/**
 * Time as counted work. A search may be given seconds of a fast machine as units of work: the same number then has the same result on every
 * machine and in every run. A limit on time is counted so as well, at a rate that machines hardly reach, so that the search goes on for all of it.
 */

/**
 * Units of annealing (anneal.ts) for a second. Measured: 23 to 100 million in a second of one core of a server of 2026, by problem and by what else
 * it does.
 */
const workPerSecond = 100e6;

/** Units of work for so many seconds. */
export const workIn = (seconds: number): number => Math.max(1, Math.round(seconds * workPerSecond));
