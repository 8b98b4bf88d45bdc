/** `--explain` for people. */
import type { Change, Explanation } from "./explain.ts";

const percent = (ratio: number): string => `${(100 * ratio).toFixed(1)} %`;
const amount = (value: number): string =>
  Number.isInteger(value) ? value.toLocaleString("en-US") : value.toPrecision(4);

/** Lines that say what binds, the figures, and the changes that would help. */
export function printExplanation({ binding, layer, reason, figures: f, changes, isComplete }: Explanation): string {
  const edges = f.linkEdges.length === 0 ? "" : `: ${f.linkEdges.slice(0, 3).join(", ")}${f.linkEdges.length > 3 ? ", …" : ""}`; // prettier-ignore
  const lines = [
    `binds     ${binding}${layer === null ? "" : ` at ${layer}`}`,
    `          ${reason}`,
    `interval  ${amount(f.intervalCycles)} cycles, at least ${amount(f.boundCycles)}; kernels ${amount(f.kernelCycles)}, links ${amount(f.linkCycles)}, edge ${amount(f.ioCycles)}`,
    `cores     ${amount(f.coresUsed)} of ${amount(f.coresUsable)} (${percent(f.coresUsed / Math.max(1, f.coresUsable))})`,
    `memory    ${amount(f.sramBytes)} of ${amount(f.sramCapacity)} bytes in the fullest core of the slowest layer`,
    `links     ${f.linkWordsPerCycle.toFixed(3)} of ${amount(f.linkCapacity)} words per cycle on the fullest${edges}`,
    `colors    ${f.routerColors} of ${f.routerCapacity} on the fullest router`,
    `edge      ${f.ioBytesPerCycle.toFixed(1)} bytes per cycle in and out of the wafer`,
    ...(changes.length === 0 ? ["changes   none of those tried helps"] : changes.map(changeLine)),
    ...(isComplete ? [] : ["          the time limit ended before all changes were tried"]),
  ];
  return `${lines.join("\n")}\n`;
}

const units: Readonly<Record<Change["measure"], readonly [before: string, after: string]>> = {
  bound: ["bound ", "cycles"],
  interval: ["", "cycles"],
  cores: ["", "cores"],
};

function changeLine({ what, from, to, measure, before, after }: Change, index: number): string {
  const head = index === 0 ? "changes   " : "          ";
  const change = to === 0 ? `without ${what}` : `${what} ${amount(from)} -> ${amount(to)}`;
  const [first, unit] = units[measure];
  return `${head}${change}: ${first}${amount(before)} -> ${amount(after)} ${unit} (${percent(1 - after / before)} less)`;
}
