/** `wsc run`: runs a compiled folder or a model on given or random inputs, and says what came out. */
import { fail, showName } from "../../ir/diagnostic.ts";
import type { Json } from "../../ir/graph.ts";
import type { Precision } from "../../ir/kernel-graph.ts";
import { InferenceSession } from "../../runtime/session.ts";
import type { SessionValue, PortMetadata } from "../../runtime/ports.ts";
import type { SessionOptions } from "../../runtime/option-types.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { maxThreads } from "../../runtime/threads/count.ts";
import { claimFiles, type OutputFiles } from "../files/output-files.ts";
import { type CheckedOutput, checkOutputs, describeCheck } from "./check-outputs.ts";
import { randomTensor } from "../random-tensor.ts";
import { readDims, splitAssignment } from "./assignments.ts";
import { exitCodes } from "./failure.ts";
import { describeEffect, effectOn, numbersOf, type OutputEffect } from "./precision-effect.ts";
import {
  encodeOutputs,
  filesOfOutput,
  readFolder,
  readValue,
  type TensorFormat,
  type ValueFile,
} from "./tensor-files.ts";
import { valueJson } from "./value-json.ts";

/** Where inputs come from. */
export interface FeedArguments {
  readonly input: readonly string[];
  readonly inputDir: string | undefined;
  readonly random: number | undefined;
}

export interface RunArguments extends FeedArguments {
  readonly model: string;
  readonly outputDir: string | undefined;
  readonly outputFormat: TensorFormat;
  readonly force: boolean;
  readonly check: boolean;
  readonly tolerance: number;
  readonly verify: boolean;
  readonly deterministic: boolean;
  readonly joinVectors: boolean;
  readonly precision: Precision;
  readonly repeat: number;
  readonly threads: number;
  readonly maxLoopIterations: number | undefined;
  readonly tuning: string | undefined;
  readonly dim: readonly string[];
  readonly json: boolean;
}

export async function runModel(given: RunArguments): Promise<number> {
  const repeat = given.repeat;
  if (!Number.isSafeInteger(repeat) || repeat < 1)
    throw fail("WSC8001", `--repeat takes a number of at least 1, not ${repeat}`);
  const dims = readDims(given.dim);
  // which files there will be is known when the model has been read
  if (given.outputDir !== undefined) await claimFiles(given.outputDir, []);
  const settings: SessionOptions = {
    freeDimensionOverrides: Object.fromEntries(dims),
    strict: true,
    verify: given.verify,
    deterministic: given.deterministic,
    joinVectors: given.joinVectors,
    threads: readThreads(given.threads),
    ...(given.maxLoopIterations === undefined ? {} : { maxLoopIterations: readIterations(given.maxLoopIterations) }),
    ...(given.tuning === undefined ? {} : { tuning: given.tuning }),
  };
  const session = await InferenceSession.create(given.model, { ...settings, precision: given.precision });
  const { feeds, files } = await collectFeeds(session, given);
  const inputs = [given.model, ...files, ...(given.tuning === undefined ? [] : [given.tuning])];
  const output = await claimOutputs(session, given, inputs);
  const times: number[] = [];
  let results = await timedRun(session, feeds, times);
  for (let i = 1; i < repeat; i++) results = await timedRun(session, feeds, times);
  const outputs = session.outputMetadata.map((port): Output => [port, results[port.name] ?? null]);
  const written = output === null ? [] : await writeOutputs(outputs, given.outputFormat, output);
  await session.release();
  const effects = given.precision === "f32" ? [] : await effectsOf(given.model, settings, feeds, outputs);
  const checks = given.check ? await checkOutputs(outputs, given) : [];
  print({ outputs, times, written, effects, checks }, given);
  return checks.every(({ agrees }) => agrees) ? exitCodes.done : exitCodes.failed;
}

/** Runs the model without rounding, and says how far each output is from that. */
async function effectsOf(
  model: string,
  settings: SessionOptions,
  feeds: Record<string, SessionValue>,
  outputs: readonly Output[],
): Promise<readonly OutputEffect[]> {
  const session = await InferenceSession.create(model, settings);
  const exact = await session.run(feeds);
  await session.release();
  return outputs.flatMap(([{ name }, value]) => effectOn(name, exact[name], value ?? undefined) ?? []);
}

function readThreads(threads: number): number {
  if (!Number.isSafeInteger(threads) || threads < 0 || threads > maxThreads)
    throw fail("WSC8001", `--threads takes a number from 0 to ${maxThreads}, not ${threads}`);
  return threads;
}

function readIterations(iterations: number): number {
  if (Number.isSafeInteger(iterations) && iterations > 0) return iterations;
  throw fail("WSC8001", `--max-loop-iterations takes a number of at least 1, not ${iterations}`);
}

async function timedRun(session: InferenceSession, feeds: Record<string, SessionValue>, times: number[]) {
  const start = performance.now();
  const results = await session.run(feeds);
  times.push(performance.now() - start);
  return results;
}

/** What is fed, and the files that it was read from. */
interface CollectedFeeds {
  readonly feeds: Record<string, SessionValue>;
  readonly files: readonly string[];
}

/** Inputs from files, then random ones for the rest. */
export async function collectFeeds(session: InferenceSession, given: FeedArguments): Promise<CollectedFeeds> {
  const read =
    given.inputDir === undefined
      ? new Map<string, ValueFile>()
      : await readFolder(given.inputDir, session.inputMetadata);
  for (const text of given.input) {
    const [name, file] = splitAssignment(text, "input", "last");
    read.set(name, { value: await readValue(file), file });
  }
  const feeds = Object.create(null) as Record<string, SessionValue>;
  for (const [name, { value }] of read) feeds[name] = value;
  for (const [position, port] of session.inputMetadata.entries()) {
    if (!read.has(port.name) && given.random !== undefined)
      feeds[port.name] = randomTensor(port, given.random, position);
  }
  return { feeds, files: [...read.values()].map(({ file }) => file) };
}

/** An output with what it gave. */
type Output = readonly [port: PortMetadata, value: SessionValue];

/** The files that `-o` asks for; null without it. */
async function claimOutputs(
  session: InferenceSession,
  { outputDir, outputFormat, force }: RunArguments,
  inputs: readonly string[],
): Promise<OutputFiles | null> {
  if (outputDir === undefined) return null;
  const names = session.outputMetadata.flatMap((port, index) => filesOfOutput(port, index, outputFormat));
  return claimFiles(outputDir, names, { force, inputs });
}

async function writeOutputs(
  outputs: readonly Output[],
  format: TensorFormat,
  output: OutputFiles,
): Promise<readonly string[]> {
  const files = await encodeOutputs(outputs, format);
  await output.write(files);
  return [...files.keys()];
}

interface OutputSummary {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly number[];
  readonly min?: number;
  readonly max?: number;
  readonly mean?: number;
  readonly argmax?: number;
  readonly head: readonly Json[];
}

/** Elements shown of each output. */
const headLength = 5;

/** What is shown of a value that is no tensor: a sequence by its first elements, anything else whole. */
function summarizeOther({ name, type }: PortMetadata, value: SessionValue): OutputSummary {
  const json = valueJson(value);
  const isList = (given: Json): given is readonly Json[] => Array.isArray(given);
  return isList(json)
    ? { name, type, dims: [json.length], head: json.slice(0, headLength) }
    : { name, type, dims: [], head: [json] };
}

function summarize(port: PortMetadata, value: SessionValue): OutputSummary {
  if (!(value instanceof Tensor)) return summarizeOther(port, value);
  const { name } = port;
  const numbers = numbersOf(value);
  const head =
    numbers === null
      ? (value.data as readonly string[]).slice(0, headLength)
      : Array.from(numbers.subarray(0, headLength));
  const base = { name, type: value.type, dims: value.dims, head };
  if (numbers === null || numbers.length === 0) return base;
  let [min, max, sum, argmax] = [Infinity, -Infinity, 0, 0];
  for (const [index, number] of numbers.entries()) {
    if (number > max) argmax = index;
    min = Math.min(min, number);
    max = Math.max(max, number);
    sum += number;
  }
  return { ...base, min, max, mean: sum / numbers.length, argmax };
}

const short = (value: Json): string =>
  JSON.stringify(value, (_key, part: unknown) => (typeof part === "number" ? Number(part.toPrecision(6)) : part));

/** What a verb's run has to tell. */
interface RunReport {
  readonly outputs: readonly Output[];
  /** milliseconds of each run */
  readonly times: readonly number[];
  readonly written: readonly string[];
  readonly effects: readonly OutputEffect[];
  readonly checks: readonly CheckedOutput[];
}

function print({ outputs, times, written, effects, checks }: RunReport, given: RunArguments): void {
  const summaries = outputs.map(([port, value]) => summarize(port, value));
  const sorted = times.toSorted((a, b) => a - b);
  const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  if (given.json) {
    process.stdout.write(
      `${JSON.stringify({ outputs: summaries, milliseconds: { median, first: times[0], all: times }, written, ...(effects.length === 0 ? {} : { precision: given.precision, effects }), ...(checks.length === 0 ? {} : { checks }) }, null, 2)}\n`,
    );
    return;
  }
  for (const s of summaries) {
    const range =
      s.min === undefined
        ? ""
        : `  min ${short(s.min)}  max ${short(s.max ?? 0)} (at ${s.argmax ?? 0})  mean ${short(s.mean ?? 0)}`;
    process.stdout.write(
      `${showName(s.name)}: ${s.type}[${s.dims.join(",")}]  [${s.head.map(short).join(", ")}…]${range}\n`,
    );
  }
  for (const check of checks) process.stdout.write(`${describeCheck(check)}\n`);
  for (const effect of effects) process.stdout.write(`${describeEffect(given.precision, effect)}\n`);
  process.stdout.write(`${times.length === 1 ? "1 run" : `${times.length} runs, median`}: ${median.toFixed(2)} ms\n`);
  if (written.length > 0) process.stdout.write(`written to ${given.outputDir ?? ""}: ${written.join(", ")}\n`);
}
