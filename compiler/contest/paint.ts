/** Writes and reads contest placements (`.paint`): per kernel its cut and its place, `R90` when turned. */
import { type Diagnostic, diagnostic, WscError } from "../../ir/diagnostic.ts";
import type { ContestKernel, Execution } from "./kernel.ts";
import { plainName } from "./kgraph.ts";

/** Where a kernel lies: its lower left core, and whether its sides are exchanged. */
export interface ContestPlace {
  readonly execution: Execution;
  readonly x: number;
  readonly y: number;
  readonly rotated: boolean;
}

/** The text of a placement, kernels in the order of the graph. */
export function writePaint(kernels: readonly ContestKernel[], places: readonly ContestPlace[]): string {
  const cuts: string[] = [];
  const spots: string[] = [];
  for (const [index, { name, type, formal }] of kernels.entries()) {
    const place = places[index];
    if (place === undefined) throw new Error(`internal: kernel ${name} has no place`);
    const { h, w, c, k } = place.execution;
    cuts.push(`${name} = ${type}( ${[...formal, h, w, ...c, ...k].join(" ")} )`);
    spots.push(`${name} : place(${place.x} ${place.y} R${place.rotated ? 90 : 0})`);
  }
  return `${[...cuts, ...spots].join("\n")}\n`;
}

const cutLine = /^\s*(\w+)\s*=\s*(conv|dblock|cblock)\(\s*([\d\s]+)\)/;
const placeLine = /^\s*(\w+)\s*:\s*place\(\s*(\d+)\s+(\d+)\s+R(\d+)\s*\)/;

/** Reads a placement of given kernels, or throws all that is wrong with it (WSC2007). */
export function readPaint(text: string, kernels: readonly ContestKernel[]): ContestPlace[] {
  const cuts = new Map<string, readonly number[]>();
  const spots = new Map<string, readonly number[]>();
  for (const line of text.split("\n")) {
    const cut = cutLine.exec(line);
    const spot = placeLine.exec(line);
    if (cut !== null) cuts.set(plainName(cut[1] ?? ""), (cut[3] ?? "").trim().split(/\s+/).map(Number));
    else if (spot !== null) spots.set(plainName(spot[1] ?? ""), spot.slice(2).map(Number));
  }
  const faults: Diagnostic[] = [];
  const places = kernels.map((kernel) => {
    const args = cuts.get(plainName(kernel.name));
    const spot = spots.get(plainName(kernel.name));
    if (args === undefined || spot === undefined) {
      faults.push(
        diagnostic("error", "WSC2007", args === undefined ? "is not cut" : "is not placed", { subject: kernel.name }),
      );
    }
    return placeOf(kernel, args ?? [], spot ?? [], faults);
  });
  if (faults.length > 0) throw new WscError(faults);
  return places;
}

function placeOf(
  kernel: ContestKernel,
  args: readonly number[],
  spot: readonly number[],
  faults: Diagnostic[],
): ContestPlace {
  const { formal, convs, name } = kernel;
  const wrong = (message: string): void => {
    faults.push(diagnostic("error", "WSC2007", message, { subject: name }));
  };
  const cut = args.slice(formal.length);
  if (formal.some((value, index) => args[index] !== value)) wrong(`formal arguments are not ${formal.join(" ")}`);
  else if (cut.length !== 2 + 2 * convs.length || cut.some((value) => value < 1))
    wrong(`needs ${2 + 2 * convs.length} positive execution arguments`);
  const [x = 0, y = 0, turn = 0] = spot;
  if (turn !== 0 && turn !== 90) wrong(`R${turn} is neither R0 nor R90`);
  const [h = 1, w = 1] = cut;
  return {
    execution: { h, w, c: cut.slice(2, 2 + convs.length), k: cut.slice(2 + convs.length) },
    x,
    y,
    rotated: turn === 90,
  };
}
