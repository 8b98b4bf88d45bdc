/**
 * Time as counted work. A search that is given seconds is given so many units of work instead, so that the same limit has the same result on every
 * machine and in every run; the clock ends only what is much slower than expected.
 */

/** Units of annealing (anneal.ts) for a second. Measured: 23 to 85 million in a second of one core of a server of 2026, by problem. */
const workPerSecond = 30e6;

/** Units of work for so many seconds. */
export const workIn = (seconds: number): number => Math.max(1, Math.round(seconds * workPerSecond));
