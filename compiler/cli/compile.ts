/** `wsc compile`: places a model and writes the program, or prints the text form of a stage. */
import path from "node:path";
import { fail, renderDiagnostic, showName, WscError } from "../../ir/diagnostic.ts";
import type { Precision } from "../../ir/kernel-graph.ts";
import { nameHint } from "../../ir/nearest.ts";
import { coresInUse, type Goal, type ModeName, type Movement } from "../../ir/placement.ts";
import {
  type CompileOptions,
  type CompiledModel,
  kernelsOf,
  type LoweredModel,
  lowerSource,
  type PlacedModel,
  placeModel,
  prepareModel,
  readSource,
  tunedProgram,
} from "../compile.ts";
import type { CompiledProgram } from "../../ir/program.ts";
import { layoutJson } from "../../ir/json-reader.ts";
import type { ExplainLimits } from "../placement/explain/allowance.ts";
import type { Explanation } from "../placement/explain/explain.ts";
import type { PlacementObjective } from "../placement/place.ts";
import { limitsOf, type LimitStatement } from "../report/data/limits.ts";
import type { Replicas } from "../placement/replicas.ts";
import { readDimsAndRanges } from "./assignments.ts";
import { type ConstraintArguments, readConstraints, readOldPlacement } from "./constraint-options.ts";
import { weightGrowth } from "./weight-growth.ts";
import type { WeightAim } from "../codegen/small-weights.ts";
import type { EmitStage } from "./emit-stages.ts";
import type { RecordedOptions } from "../project/build-record.ts";
import { compileFolder, type FolderResult } from "../project/compile-folder.ts";
import { readArtifact, type ReadArtifact } from "../read-artifact.ts";
import { describeFamily, type FamilySummary, familySummary, readFamily, sizeText } from "./family-summary.ts";
import { exitCodes, note, writeError } from "./failure.ts";
import { searchGuard } from "../search-guard.ts";
import { stageProgress } from "./progress.ts";
import type { FileOptions, OutputOptions } from "../files/output-files.ts";
import { targetOption } from "./verbs/options.ts";
import { claimText, textPlace, writeText } from "./text-output.ts";
import {
  claimTuning,
  describeTuning,
  readTuning,
  type StartTuning,
  type TuningArguments,
  type TuningSummary,
  writeTuning,
} from "./tuning-options.ts";

export interface CompileArguments extends ConstraintArguments, TuningArguments {
  readonly output: string | undefined;
  /** undefined where none is asked for */
  readonly target: string | undefined;
  readonly precision: Precision;
  readonly objective: PlacementObjective;
  readonly mode: ModeName | "auto" | "stream";
  readonly replicas: string;
  readonly timeLimit: number | undefined;
  readonly effort: number | undefined;
  readonly solver: "auto" | "glpk" | "highs";
  readonly seed: number;
  readonly joinVectors: boolean;
  readonly weights: WeightAim;
  readonly fuse: boolean;
  readonly emit: EmitStage | undefined;
  readonly printAfter: readonly string[];
  readonly quiet: boolean;
  readonly dim: readonly string[];
  readonly json: boolean;
  readonly explain: boolean;
  readonly force: boolean;
  readonly keep: boolean;
}

/** Compiles the model that is named, or those of the project. */
export async function compileModel(
  given: Omit<CompileArguments, "model"> & { readonly model: string | undefined; readonly config: string | undefined },
): Promise<number> {
  const { projectBuilds, compileProject } = await import("./compile-project.ts");
  const { model } = given;
  const compiling = async (): Promise<number> => {
    const builds = await projectBuilds(given);
    if (builds === null) {
      if (model === undefined) throw new Error("internal: neither a model nor a project");
      return compileAs({ ...given, model });
    }
    const summaries = await compileProject(builds, given, (result) => summaryWith(result, given.quiet, null));
    if (given.json) process.stdout.write(`${JSON.stringify(summaries, null, 2)}\n`);
    else if (!given.quiet) process.stdout.write(`${summaries.map(describe).join("\n\n")}\n`);
    return exitCodes.done;
  };
  return compiling().catch((error: unknown) => {
    // programs that read JSON are told on stdout too; people on stderr
    if (given.json && given.emit === undefined && error instanceof WscError)
      process.stdout.write(`${JSON.stringify({ diagnostics: error.diagnostics }, null, 2)}\n`);
    throw error;
  });
}

async function compileAs(given: CompileArguments): Promise<number> {
  await checkPassNames(given.printAfter);
  if (given.emit !== undefined && given.tune !== undefined)
    throw fail("WSC8001", "--tune and --emit exclude each other", { hint: "--tuning FILE goes with both" });
  const start = await readTuning(given);
  for (const warning of start.warnings) note(renderDiagnostic(warning), given.quiet);
  const { tune, tuning, model: source, target } = given;
  const constraints = await readConstraints({ ...given, target: target ?? targetOption.default });
  const from = given.from === undefined ? null : await readOldPlacement(given.from);
  const read = [
    source,
    ...(target === undefined ? [] : [target]),
    ...constraints.files,
    ...(from === null ? [] : [from.file]),
  ];
  // what is measured goes to the tuning file; without that it is one more file that is read
  const inputs = tune === undefined && tuning !== undefined ? [...read, tuning] : read;
  const output = { force: given.force, inputs };
  await claimOutputs(given, start, output);
  const progress = stageProgress(given.quiet || given.json);
  const { dims, ranges } = readDimsAndRanges(given.dim);
  const options: CompileOptions = {
    ...(target === undefined ? {} : { target }),
    fuse: given.fuse,
    dims,
    precision: given.precision,
    objective: given.objective,
    mode: readMode(given),
    replicas: readReplicas(given),
    ...searchLimits(given),
    solver: given.solver,
    seed: given.seed,
    constraints: constraints.request,
    ...(from === null ? {} : { from: from.placement }),
    tuning: start.tuning,
    ...(given.tune === undefined ? {} : { tune: { seconds: given.tune, onProgress: progress.part } }),
    joinVectors: given.joinVectors,
    weights: given.weights,
    onStage: progress.stage,
    ...progress.watch,
    ...(given.printAfter.length > 0 ? { onPass: await passPrinter(given.printAfter) } : {}),
  };
  try {
    if (given.emit !== undefined) return await emitStage(given, given.emit, { ...options, ranges }, output);
    let explanation: Explanation | null = null;
    const explained = async (model: CompiledModel): Promise<ReadonlyMap<string, string>> => {
      explanation = await explain(model, explainLimits(given));
      return new Map([["explanation.json", layoutJson(explanation)]]);
    };
    const result = await compileFolder(given.model, folderOf(given), {
      ...options,
      ...output,
      ranges,
      keep: given.keep,
      ...(given.explain ? { more: explained } : {}),
    });
    const tuned =
      result.kind !== "written"
        ? null
        : await writeTuning(given, result.model.tuning, result.model.tuneReport, tuningOutput(start, output));
    progress.stop();
    await summarize(result, given, explanation, tuned);
    return exitCodes.done;
  } finally {
    progress.stop();
  }
}

/** The mode; what is about pipelines asks for one where nothing else is said. */
function readMode({ mode, explain, emit }: CompileArguments): ModeName | "auto" {
  if (mode === "stream")
    throw fail("WSC8001", "--mode stream has no placement yet: weights that come in through the edge have plans only", {
      hint: "wsc plan MODEL --mode stream, or --mode resident",
    });
  const about = explain ? "--explain" : emit === "ilp" ? "--emit ilp" : emit === "fabric" ? "--emit fabric" : null;
  if (about === null) return mode;
  if (mode === "resident") throw fail("WSC8001", `${about} is about pipelines, and --mode resident is not one`);
  return "pipeline";
}

/** A number of copies, or `auto`; what looks at one copy on the whole wafer is refused beside it. */
function readReplicas({ replicas, explain, emit }: CompileArguments): Replicas {
  if (replicas === "1") return 1;
  if (replicas !== "auto" && !/^[1-9]\d{0,5}$/.test(replicas))
    throw fail("WSC8001", `--replicas takes a whole number or auto, not "${showName(replicas)}"`);
  const single = explain ? "--explain" : emit === "ilp" ? "--emit ilp" : emit === "fabric" ? "--emit fabric" : null;
  if (single !== null)
    throw fail(
      "WSC8001",
      `${single} is about a model that stands on the wafer once, and --replicas ${replicas} asks for copies`,
    );
  return replicas === "auto" ? replicas : Number(replicas);
}

/** The share of the time limit that an explanation is given. */
const explainShare = 0.4;

/** Seconds of counted work that explanations are given without a time limit. */
const explainEffort = 60;

/** A time limit that was asked for is used while the placement can still be better, or an effort. */
function searchLimits({
  timeLimit,
  effort,
  explain,
}: CompileArguments): Pick<CompileOptions, "timeLimitSeconds" | "effortSeconds"> {
  const counted = effort === undefined ? {} : { effortSeconds: effort };
  if (timeLimit === undefined) return { timeLimitSeconds: searchGuard(effort), ...counted };
  const seconds = explain ? timeLimit * (1 - explainShare) : timeLimit;
  return { timeLimitSeconds: seconds, effortSeconds: seconds, ...counted };
}

function explainLimits({ timeLimit }: CompileArguments): ExplainLimits {
  const guard = timeLimit === undefined ? searchGuard() : timeLimit * explainShare;
  return {
    effortSeconds: timeLimit === undefined ? explainEffort : guard,
    deadline: Date.now() + guard * 1000,
  };
}

const folderOf = ({ output, model }: CompileArguments): string =>
  output ?? `${path.basename(model).replace(/\.onnx$/, "")}.wsc`;

const tuningOutput = ({ goesOnFrom }: StartTuning, output: OutputOptions): FileOptions => ({
  ...output,
  ...(goesOnFrom === undefined ? {} : { goesOnFrom }),
});

/** Throws unless everything may be written that the verb will write. */
async function claimOutputs(given: CompileArguments, start: StartTuning, output: OutputOptions): Promise<void> {
  await claimTuning(given, tuningOutput(start, output));
  // compileFolder asks for its folder itself, before it compiles
  if (given.emit !== undefined) await claimText(textPlace(given.output), output);
}

async function emitStage(
  given: CompileArguments,
  stage: EmitStage,
  options: RecordedOptions,
  output: OutputOptions,
): Promise<number> {
  if (stage === "program") {
    const source = await readSource(given.model, options);
    const { openDims } = await import("../frontend/open/variants.ts");
    if (openDims(source.model, options.dims ?? new Map()).length > 0) {
      const { compiled, warnings } = await (await import("../compile-family.ts")).compileFamily(source, options);
      for (const warning of warnings) writeError(renderDiagnostic(warning));
      const { printFamily } = await import("../../ir/open/family-text.ts");
      const inputs = [...(output.inputs ?? []), ...source.files];
      await writeText(textPlace(given.output), printFamily(compiled.family), { ...output, inputs });
      return exitCodes.done;
    }
  }
  const lowered = await lowerSource(given.model, options);
  const text = await textOf(stage, lowered, options, given);
  await writeText(textPlace(given.output), text, { ...output, inputs: [...(output.inputs ?? []), ...lowered.files] });
  return exitCodes.done;
}

async function textOf(
  stage: EmitStage,
  lowered: LoweredModel,
  options: CompileOptions,
  given: CompileArguments,
): Promise<string> {
  const program = async (): Promise<CompiledProgram> => {
    const { compiled, warnings } = await tunedProgram(lowered.graph, options.tuning ?? new Map(), {
      joinVectors: options.joinVectors ?? false,
      weights: given.weights,
    });
    for (const warning of warnings) writeError(renderDiagnostic(warning));
    return compiled;
  };
  switch (stage) {
    case "graph":
      return (await import("../../ir/print.ts")).printGraph(lowered.graph);
    case "program":
      return (await import("../../ir/program-text.ts")).printProgram((await program()).program);
    case "wat":
      return (await import("../codegen/wat.ts")).printWat(await program());
    case "kernels": {
      const { withPrecision } = await import("../kernels/precision.ts");
      const kernels = withPrecision(
        await kernelsOf(lowered.graph, options.target ?? "wse2", options.fuse),
        given.precision,
      );
      return (await import("../../ir/kernel-graph-text.ts")).printKernelGraph(kernels);
    }
    case "placement": {
      const placed = await placeModel(lowered, options);
      // the text is a placement and nothing else, so the explanation goes beside it
      if (given.explain) await printExplained(await explain(placed, explainLimits(given)), process.stderr);
      return (await import("../../ir/placement-text.ts")).printPlacement(placed.placement);
    }
    case "fabric": {
      const placed = await placeModel(lowered, options);
      const { lowerFabric } = await import("../fabric/lower.ts");
      return (await import("../../ir/fabric/print.ts")).printFabric(lowerFabric(placed));
    }
    case "ilp": {
      const { prepared } = await prepareModel(lowered, options);
      return (await import("../placement/program-text.ts")).programText(prepared, options);
    }
  }
}

async function printExplained(explanation: Explanation, stream: NodeJS.WritableStream): Promise<void> {
  stream.write((await import("../placement/explain/explain-text.ts")).printExplanation(explanation));
}

async function checkPassNames(names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const { pipeline } = await import("../passes/pipeline.ts");
  const known = [...new Set(pipeline.map((pass) => pass.name))];
  for (const name of names) {
    if (name !== "all" && !known.includes(name)) {
      throw fail("WSC8001", `there is no pass '${showName(name)}'`, {
        hint: nameHint(name, "passes", ["all", ...known]),
      });
    }
  }
}

async function passPrinter(names: readonly string[]): Promise<NonNullable<CompileOptions["onPass"]>> {
  const { printGraph } = await import("../../ir/print.ts");
  return (pass, graph, changed) => {
    if (!names.includes("all") && !names.includes(pass.name)) return;
    writeError(`// after ${pass.name}${changed ? "" : " (unchanged)"}`);
    if (changed) writeError(printGraph(graph));
  };
}

async function explain({ prepared, placement }: PlacedModel, limits: ExplainLimits): Promise<Explanation> {
  if (prepared === null) throw new Error("internal: what is explained was not placed as a pipeline");
  return (await import("../placement/explain/explain.ts")).explainPlacement(prepared, placement, limits);
}

async function summarize(
  result: FolderResult,
  given: CompileArguments,
  explanation: Explanation | null,
  tuning: TuningSummary | null,
): Promise<void> {
  const summary = await summaryWith(result, given.quiet, tuning);
  const told = explanation === null ? summary : { ...summary, explanation };
  if (given.json) process.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
  else if (!given.quiet) process.stdout.write(`${describe(summary)}\n`);
  if (explanation !== null && !given.json) await printExplained(explanation, process.stdout);
}

/** What happened; warnings are told at once. */
async function summaryWith(
  result: FolderResult,
  isQuiet: boolean,
  tuning: TuningSummary | null,
): Promise<CompileSummary | FamilySummary> {
  if (result.kind === "open") {
    for (const warning of result.model.warnings) note(renderDiagnostic(warning), isQuiet);
    return familySummary(result.model.compiled.family, result.folder, false);
  }
  if (result.kind === "kept") {
    const family = await readFamily(result.folder);
    if (family !== null) return familySummary(family, result.folder, true);
    return { ...summaryOf(await readArtifact(result.folder, { verify: false }), result.folder), isKept: true, tuning };
  }
  const { folder, model } = result;
  for (const warning of model.warnings) note(renderDiagnostic(warning), isQuiet);
  return { ...summaryOf({ ...model, program: model.compiled.program }, folder), isKept: false, tuning };
}

/** What happened: the object that `--json` prints. */
interface CompileSummary {
  readonly model: string;
  readonly folder: string;
  readonly report: string;
  readonly target: string;
  /** what f32 operands are on the wafer */
  readonly precision: Precision;
  readonly mode: ModeName;
  /** copies of the model on the wafer */
  readonly replicas: number;
  /** of one copy */
  readonly kernels: number;
  readonly hostOps: number;
  readonly cores: number;
  readonly coresUsable: number;
  readonly intervalCycles: number;
  readonly intervalMicroseconds: number;
  readonly samplesPerSecond: number;
  readonly latencyCycles: number;
  readonly bound: number;
  readonly gap: number;
  readonly status: string;
  /** what was minimised, and how near it came */
  readonly goal: Goal;
  /** null unless --from was given */
  readonly movement: Movement | null;
  readonly solver: string;
  readonly seed: number;
  /** what limits, what comes next, and what twice the resource would give: the sentence of the report */
  readonly limit: LimitStatement;
  readonly weightsBytes: number;
  /** of the constants as the graph has them */
  readonly constantsBytes: number;
  /** why weights take clearly more than the constants; null where they do not */
  readonly weightsReason: string | null;
  readonly arenaBytes: number;
  /** the folder was there already, compiled from the same model with the same options */
  readonly isKept: boolean;
  /** null unless --tune was given */
  readonly tuning: TuningSummary | null;
}

function summaryOf(model: ReadArtifact, folder: string): Omit<CompileSummary, "tuning" | "isKept"> {
  const { certificate, target, kernels } = model.placement;
  const cores = coresInUse(model.placement);
  return {
    model: model.graph.name,
    folder,
    report: path.join(folder, "report.html"),
    target: target.name,
    precision: model.placement.precision,
    mode: model.placement.mode.kind,
    replicas: model.placement.copies.count,
    kernels: kernels.length,
    hostOps: model.kernels.host.length,
    cores,
    coresUsable: target.usable.width * target.usable.height,
    intervalCycles: certificate.objective,
    intervalMicroseconds: (certificate.objective / target.clockHz) * 1e6,
    samplesPerSecond: target.clockHz / certificate.objective,
    latencyCycles: certificate.latencyCycles,
    bound: certificate.bound,
    gap: certificate.gap,
    status: certificate.status,
    goal: certificate.goal,
    movement: certificate.movement,
    solver: certificate.solver,
    seed: certificate.seed,
    limit: limitsOf([{ wafer: null, placement: model.placement }]),
    weightsBytes: model.program.memory.weightsBytes,
    ...weightGrowth(model.graph, model.program),
    arenaBytes: model.program.memory.arenaBytes,
  };
}

/** Intervals of copies are fractions of a cycle apart. */
const cyclesText = (cycles: number): string => cycles.toFixed(Number.isInteger(cycles) || cycles >= 1000 ? 0 : 2);

function describe(s: CompileSummary | FamilySummary): string {
  if ("dims" in s) return describeFamily(s);
  const share = ((100 * s.cores) / s.coresUsable).toFixed(1);
  const proof = s.status === "optimal" ? "optimal" : `bound ${cyclesText(s.bound)}, gap ${(100 * s.gap).toFixed(2)} %`;
  return [
    `${s.model} on ${s.target}${s.precision === "f32" ? "" : ` in ${s.precision}`}: ${s.replicas === 1 ? "" : `${s.replicas} copies of `}${s.kernels} kernels on ${s.cores} cores${s.mode === "resident" ? ", one after the other" : ""} (${share} % of ${s.coresUsable}), ${s.hostOps} ops on the host`,
    `interval  ${cyclesText(s.intervalCycles)} cycles = ${s.intervalMicroseconds.toFixed(2)} µs, ${Math.round(s.samplesPerSecond)} samples/s (${proof}; ${s.solver}, seed ${s.seed})`,
    `latency   ${s.latencyCycles.toFixed(0)} cycles`,
    `limit     ${s.limit.sentence}`,
    ...goalLines(s),
    ...(s.tuning === null ? [] : [`tuning    ${describeTuning(s.tuning)}`]),
    `program   ${sizeText(s.weightsBytes)} of weights, ${sizeText(s.arenaBytes)} of activations`,
    ...(s.weightsReason === null ? [] : [`          ${sizeText(s.constantsBytes)} in the model: ${s.weightsReason}`]),
    `${s.isKept ? "unchanged" : "written  "} ${s.folder} (report: ${s.report})`,
  ].join("\n");
}

/** Lines for a goal other than throughput, and for what became of an earlier placement. */
function goalLines({ goal, movement }: CompileSummary): string[] {
  const lines: string[] = [];
  if (goal.kind !== "throughput") {
    const proof =
      goal.status === "optimal" ? "optimal" : `at least ${goal.bound}, gap ${(100 * goal.gap).toFixed(2)} %`;
    lines.push(`${goal.kind.padEnd(10)}${goal.value} (${proof})`);
  }
  if (movement !== null) {
    const { kept, moved, added, distance } = movement;
    lines.push(`movement  ${kept} layers kept, ${moved} moved by ${distance} cores in all, ${added} added`);
  }
  return lines;
}
