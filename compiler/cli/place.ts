/** `wsc place`: places a contest graph (.kgraph) and writes the placement (.paint). */
import { readFile } from "node:fs/promises";
import { fail } from "../../ir/diagnostic.ts";
import { type ContestGraph, readContestGraph } from "../contest/kgraph.ts";
import { writePaint } from "../contest/paint.ts";
import { type ContestPlacement, contestProgramText, placeContest } from "../contest/place.ts";
import type { FileOptions } from "../files/output-files.ts";
import { exitCodes, note } from "./failure.ts";
import { claimText, textPlace, writeText } from "./text-output.ts";

export interface PlaceArguments {
  readonly graph: string;
  readonly output: string | undefined;
  readonly timeLimit: number;
  readonly effort: number | undefined;
  readonly seed: number;
  readonly quiet: boolean;
  readonly json: boolean;
  readonly force: boolean;
  readonly emit: "ilp" | undefined;
}

const outputOptions = ({ graph, force }: PlaceArguments): FileOptions => ({ force, inputs: [graph] });

export async function placeGraph(asked: PlaceArguments): Promise<number> {
  const given = { ...asked, output: textPlace(asked.output) };
  await claimText(given.output, outputOptions(given));
  const text = await readFile(given.graph, "utf8").catch((error: unknown) => {
    throw fail("WSC1001", `${given.graph} cannot be read: ${(error as NodeJS.ErrnoException).code ?? "unknown error"}`);
  });
  const graph = readContestGraph(text);
  if (given.emit === "ilp") return emitProgram(given, graph);
  const start = performance.now();
  const placement = await placeContest(graph, {
    timeLimitSeconds: given.timeLimit,
    ...(given.effort === undefined ? {} : { effortSeconds: given.effort }),
    seed: given.seed,
    onBetter: (stage, cost) => {
      if (process.stderr.isTTY) note(`${stage}: cost ${figure(cost)}`, given.quiet || given.json);
    },
  });
  const seconds = (performance.now() - start) / 1000;
  const paint = writePaint(graph.kernels, placement.places);
  if (given.output !== undefined || !given.json) await writeText(given.output, paint, outputOptions(given));
  if (given.json)
    process.stdout.write(`${JSON.stringify(report(graph.name, placement, given.seed, seconds), null, 2)}\n`);
  else if (given.output !== undefined && !given.quiet)
    process.stdout.write(`${summary(graph.name, graph.kernels.length, placement, seconds)}\n`);
  return exitCodes.done;
}

/** Search for the range of cycles that the program has to cover, in seconds at most. */
const secondsForProgram = 10;

async function emitProgram(given: PlaceArguments, graph: ContestGraph): Promise<number> {
  const timeLimitSeconds = Math.min(given.timeLimit, secondsForProgram);
  const text = contestProgramText(graph, { timeLimitSeconds, seed: given.seed });
  await writeText(given.output, text, outputOptions(given));
  return exitCodes.done;
}

/** Costs come in quarters. */
const figure = (value: number): string => value.toLocaleString("en-US", { maximumFractionDigits: 2 });

function report(
  name: string,
  { score, bound, cycleBound, status, endedBy }: ContestPlacement,
  seed: number,
  seconds: number,
): object {
  const { cost, cycles, wire, adapters, utilisation } = score;
  return {
    name,
    cost,
    cycles,
    wire,
    adapters,
    utilisation,
    bound,
    gap: gapOf(cost, bound),
    cycleBound,
    status,
    endedBy,
    seed,
    seconds,
  };
}

const gapOf = (cost: number, bound: number): number => (cost === 0 ? 0 : (cost - bound) / cost);

function summary(
  name: string,
  kernels: number,
  { score, bound, cycleBound, status }: ContestPlacement,
  seconds: number,
): string {
  const { cost, cycles, wire, adapters, utilisation } = score;
  return [
    `${name}: ${kernels} kernels placed in ${seconds.toFixed(1)} s`,
    `  cost     ${figure(cost)}   ${status}: no placement is below ${figure(bound)} (gap ${(100 * gapOf(cost, bound)).toFixed(2)}%)`,
    `  cycles   ${figure(cycles)}   by area at least ${figure(cycleBound)}`,
    `  wires    ${figure(wire)} cores, ${adapters} adapters, ${(100 * utilisation).toFixed(1)}% of the wafer used`,
  ].join("\n");
}
