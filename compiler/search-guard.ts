/** Seconds after which a search without a time limit ends in any case. Counted work (`effort`) is what no usual machine needs ten times as long for. */
export const searchGuard = (effortSeconds = 0): number => Math.max(120, 10 * effortSeconds);
