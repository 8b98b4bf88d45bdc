/** What `wsc simulate` says of a run: JSON, or a few lines and a row for each layer. */
import { showName } from "../../../ir/diagnostic.ts";
import type { Rect } from "../../../ir/placement.ts";
import type { SimulatedLayer, SimulationCounts } from "../../../ir/simulation-record.ts";
import type { WhatIf } from "./what-if.ts";

/** What `--json` prints; cycles are those of the wafer's clock. */
export interface SimulateSummary extends SimulationCounts {
  readonly model: string;
  readonly target: string;
  /** the rectangle that was run; null: all of the program */
  readonly part: Rect | null;
  /** what the placement's certificate says; null for a part */
  readonly certificate: { readonly interval: number; readonly latency: number } | null;
  /** greatest difference to the expected outputs, as a share of the largest one; null where only times were simulated */
  readonly error: number | null;
  readonly whatIf?: readonly WhatIf[];
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const against = (cycles: number, promised: number | undefined): string =>
  promised === undefined
    ? `${cycles.toFixed(0)} cycles`
    : `${cycles.toFixed(0)} cycles; the certificate says ${promised.toFixed(0)} (${percent(cycles / promised - 1)})`;

const than = (cycles: number, before: number): string =>
  `${cycles.toFixed(0)} (${cycles > 0 ? (before / cycles).toFixed(2) : "∞"} times as fast)`;

export function describeSummary(summary: SimulateSummary): string {
  const { model, target, level, samples, cycles, words, interval, latency, certificate, error, part } = summary;
  const where =
    part === null
      ? ""
      : `, ${part.width} x ${part.height} cores from (${part.x}, ${part.y}) as if words came to them at once`;
  const row = ({
    name,
    cores,
    busyCycles,
    firstCycle,
    lastCycle,
    boundCycles,
    boundBy,
    boundShare,
  }: SimulatedLayer): string =>
    `  ${showName(name)}: ${cores} cores, computing ${percent(busyCycles / Math.max(1, cores * cycles))} of the time, cycles ${firstCycle} to ${lastCycle}; ` +
    `at least ${boundCycles.toFixed(0)} a sample (${boundBy}), ${percent(boundShare)} of the interval`;
  const freed = (summary.whatIf ?? []).map(
    (one) =>
      `free ${one.free.padEnd(8)} interval ${than(one.interval, interval)}, latency ${than(one.latency, latency)}`,
  );
  return [
    `${showName(model)} on ${target}, ${level} level: ${samples} samples in ${cycles} cycles, ${words} words over links${where}`,
    `interval  ${against(interval, certificate?.interval)}`,
    `latency   ${against(latency, certificate?.latency)}`,
    error === null
      ? "numbers   not computed: times alone were simulated (--values)"
      : `numbers   within ${error.toExponential(1)} of the host's`,
    ...freed,
    ...summary.layers.filter(({ cores }) => cores > 0).map(row),
  ].join("\n");
}
