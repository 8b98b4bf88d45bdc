/** `wsc simulate`: runs a compiled model core by core on a simulated wafer, and compares numbers and cycles with what was promised. */
import { fail, WscError } from "../../ir/diagnostic.ts";
import type { FabricProgram } from "../../ir/fabric/program.ts";
import { layoutJson } from "../../ir/json-reader.ts";
import type { Placement } from "../../ir/placement.ts";
import { type SimulationCounts, type SimulationLevel, simulationLevels } from "../../ir/simulation-record.ts";
import { ChromeTrace } from "../../runtime/simulator/chrome-trace.ts";
import { timesOf } from "../../runtime/simulator/steady.ts";
import { reportOfPlacement } from "../report/data/of-placement.ts";
import { readSimulation } from "../report/data/simulation.ts";
import { renderReport } from "../report/html.ts";
import { exitCodes, writeError } from "./failure.ts";
import type { FeedArguments } from "./run.ts";
import { errorOf, madeUpNumbers, type Numbers, numbersOfModel, numbersOfPart } from "./simulation/numbers.ts";
import { writeRecord } from "./simulation/record.ts";
import { countsOf, runProgram, type RunOptions } from "./simulation/runs.ts";
import { coresOf, partOf, readSubject } from "./simulation/subject.ts";
import { describeSummary, type SimulateSummary } from "./simulation/summary.ts";
import { whatIf } from "./simulation/what-if.ts";
import { claimText, writeText } from "./text-output.ts";

export interface SimulateArguments extends FeedArguments {
  readonly model: string;
  readonly target: string | undefined;
  readonly samples: number;
  readonly jitter: number | undefined;
  readonly level: string | undefined;
  readonly values: boolean;
  readonly rect: string | undefined;
  readonly layer: string | undefined;
  readonly whatIf: boolean;
  readonly trace: string | undefined;
  /** file for the report, with what cores did */
  readonly report: string | undefined;
  readonly record: boolean;
  readonly json: boolean;
}

/** Cores up to which a program is run word by word unless told otherwise. */
const mostWordCores = 5_000;

/** Greatest difference to the host's outputs that rounding explains. */
const tolerance = 1e-5;

export async function simulateModel(given: SimulateArguments): Promise<number> {
  checkArguments(given);
  for (const file of [given.trace, given.report]) await claimText(file, {});
  const subject = await readSubject(given.model, given.target);
  const { placement, target } = subject;
  const cut = partOf(subject, given);
  const program = cut === null ? subject.program : cut.part.program;
  const level = levelOf(given, cut === null ? program : null);
  const numbers = await numbersFor();
  const { samples, jitter } = given;
  const trace = given.trace === undefined ? null : new ChromeTrace(program.layers);
  const options: RunOptions = {
    level,
    samples,
    values: numbers === null ? null : numbers.values,
    ...(jitter === undefined ? {} : { jitter }),
  };
  const run = runProgram(program, target, { ...options, ...(trace === null ? {} : { onSpan: trace.onSpan }) });
  // the certificate's latency is that of a sample that has the wafer to itself
  const { latency } = timesOf(
    samples === 1 ? run.samples : runProgram(program, target, { ...options, samples: 1 }).samples,
  );
  const counts = countsOf(run, level, latency);
  const { objective, latencyCycles } = placement.certificate;
  const expected = numbers === null ? null : numbers.expected;
  const summary: SimulateSummary = {
    model: placement.model,
    target: target.name,
    part: cut === null ? null : cut.rect,
    certificate: cut === null ? { interval: objective, latency: latencyCycles } : null,
    error: expected === null ? null : errorOf(run.outputs, expected),
    ...(given.whatIf ? { whatIf: whatIf(program, target, options) } : {}),
    ...counts,
  };
  if (trace !== null) {
    if (trace.leftOut > 0) writeError(`the trace leaves out ${trace.leftOut} steps beyond the first million`);
    await writeText(given.trace, trace.print(), {});
  }
  process.stdout.write(given.json ? layoutJson(summary) : `${describeSummary(summary)}\n`);
  if (given.report !== undefined) {
    const report = reportOfPlacement({ ...subject, simulation: cut === null ? readSimulation(counts) : null });
    await writeText(given.report, await renderReport([report]), {});
  }
  if (given.record && cut === null && jitter === undefined) await keepRecord(given.model, placement, counts);
  if (summary.error === null || summary.error <= tolerance) return exitCodes.done;
  throw fail("WSC7010", `the outputs differ from the host's by ${summary.error.toExponential(1)} of the largest one`, {
    subject: placement.model,
  });

  /** What the run computes with: real numbers where they are asked for or all of a program is followed word by word. */
  async function numbersFor(): Promise<Numbers | null> {
    if (cut !== null && !given.values) return madeUpNumbers(subject, cut.part);
    if (level === "stream" && !given.values) return null;
    const whole = await numbersOfModel(subject, given.model, given);
    return cut === null ? whole : numbersOfPart(subject, cut.part, whole, given.samples);
  }
}

/** A folder that may not be written keeps no counts, and the run is none the worse for it. */
async function keepRecord(folder: string, placement: Placement, counts: SimulationCounts): Promise<void> {
  try {
    await writeRecord(folder, placement, counts);
  } catch (error) {
    if (!(error instanceof WscError)) throw error;
    writeError(`the counts are not kept: ${error.message}`);
  }
}

function checkArguments({ samples, jitter }: SimulateArguments): void {
  if (!Number.isSafeInteger(samples) || samples < 1)
    throw fail("WSC8001", `--samples takes a number of at least 1, not ${samples}`);
  if (jitter !== undefined && !Number.isSafeInteger(jitter))
    throw fail("WSC8001", `--jitter takes a whole number, not ${jitter}`);
}

/** The level that was asked for, or the one that suits the size of the program; parts (null) are followed word by word. */
function levelOf({ level, jitter }: SimulateArguments, program: FabricProgram | null): SimulationLevel {
  const asked = simulationLevels.find((one) => one === level);
  const isSmall = program === null || coresOf(program) <= mostWordCores;
  const found = asked ?? (jitter !== undefined || isSmall ? "word" : "stream");
  if (found === "stream" && jitter !== undefined)
    throw fail("WSC8001", "--jitter stalls single words, which the stream level does not know", {
      hint: "use --level word",
    });
  return found;
}
