/**
 * What a program would take on a wafer, for sizes that nobody measured: the laws of ir/machine, which validate/tables compares with measurements,
 * behind checks of what is asked. Cycles are those of the machine; seconds follow with its clock. Every function throws a WscError that lists
 * all that is wrong with its argument (WSC5008), or names the nearest target (WSC5001).
 */
import { type Diagnostic, diagnostic, showName, WscError } from "../../ir/diagnostic.ts";
import {
  type Line,
  overlappedTreeCycles,
  reduceCycles,
  type ReducePattern,
  reducePatterns,
} from "../../ir/machine/collectives.ts";
import { type LayerCycles, totalCycles } from "../../ir/machine/layer-cycles.ts";
import { gemmCycles, gemvCycles } from "../../ir/machine/products.ts";
import { stencilStepCycles } from "../../ir/machine/stencil.ts";
import { clockHz, type Target } from "../../ir/machine/target.ts";
import {
  decodeLayerCycles,
  type LayerOnRegion,
  type LayerShape,
  prefillLayerCycles,
} from "../../ir/machine/transformer.ts";
import { nameHint } from "../../ir/nearest.ts";
import { presetTarget } from "../targets/presets.ts";

/** A target by the name of a preset (`wse2`, `wse3`, ...), or one of the caller's own. */
export type TargetChoice = string | Target;

/** Element types that have a law; any other number type is like f32. */
export const modelTypes = ["f32", "f16", "bf16"] as const;

export type ModelType = (typeof modelTypes)[number];

export interface ModelledCycles {
  readonly cycles: number;
}

const targetOf = (choice: TargetChoice): Target => (typeof choice === "string" ? presetTarget(choice) : choice);

/** What is wrong with one field; null: nothing. */
type Finding = { readonly message: string; readonly hint?: string } | null;

function check(subject: string, findings: readonly Finding[]): void {
  const problems = findings.flatMap((found): readonly Diagnostic[] =>
    found === null ? [] : [diagnostic("error", "WSC5008", found.message, { subject, hint: found.hint })],
  );
  if (problems.length > 0) throw new WscError(problems);
}

const whole = (name: string, value: number): Finding =>
  Number.isSafeInteger(value) && value > 0 ? null : { message: `${name} is a whole number above 0, not ${value}` };

const wholes = (fields: Readonly<Record<string, number>>): readonly Finding[] =>
  Object.entries(fields).map(([name, value]) => whole(name, value));

const oneOf = (name: string, value: string, values: readonly string[]): Finding =>
  values.includes(value)
    ? null
    : { message: `there is no ${name} "${showName(value)}"`, hint: nameHint(value, `${name}s`, values) };

const atMost = (name: string, value: number, most: number, what: string): Finding =>
  value > most ? { message: `${name} is ${value}, but ${what} ${most}` } : null;

/** A square of cores lies within the fabric. */
const onFabric = (grid: number, { fabric }: Target): Finding =>
  atMost("grid", grid, Math.min(fabric.width, fabric.height), "the fabric's shorter side has");

/** A sum over a line of cores. */
export interface ReduceQuestion {
  readonly pattern: ReducePattern;
  readonly cores: number;
  /** 32-bit words of the vector that each core holds */
  readonly words: number;
  /** cores of a group in a two-phase reduce; default: the root of all */
  readonly group?: number;
  readonly target: TargetChoice;
}

/** Cycles of a reduce by the published formulas, nothing fitted. All but the tree's are those that the placer minimises (collectives.ts says why). */
export const publishedReduceCycles = (pattern: ReducePattern, line: Line, group?: number): number =>
  pattern === "tree" ? overlappedTreeCycles(line) : reduceCycles(pattern, line, group);

/** Cycles until one core has the sum of all vectors (`ring`: until all have it), from the first word that is sent. */
export function modelReduce({ pattern, cores, words, group, target: choice }: ReduceQuestion): ModelledCycles {
  const target = targetOf(choice);
  check("modelReduce", [
    oneOf("pattern", pattern, reducePatterns),
    ...wholes({ cores, words, ...(group !== undefined && { group }) }),
    group === undefined ? null : atMost("group", group, cores, "the line has"),
  ]);
  return { cycles: publishedReduceCycles(pattern, { target, cores, words }, group) };
}

/** [m, k] times [k, n]. */
export interface GemmQuestion {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** cores that n is dealt out over, and those that k is dealt out over */
  readonly rows: number;
  readonly columns: number;
  /** default f32 */
  readonly dtype?: ModelType;
  readonly target: TargetChoice;
}

/** Cycles of the fullest core of a product of matrices, without the sum over the columns (`modelReduce`). */
export function modelGemm({ m, k, n, rows, columns, dtype = "f32", target: choice }: GemmQuestion): ModelledCycles {
  const target = targetOf(choice);
  check("modelGemm", [...wholes({ m, k, n, rows, columns }), oneOf("dtype", dtype, modelTypes)]);
  return { cycles: gemmCycles({ target, m, k, n, rows, columns, dtype }) };
}

/** A vector of k elements times [k, n] on a square of cores, over which both are dealt out. */
export interface GemvQuestion {
  readonly k: number;
  readonly n: number;
  /** cores along a side */
  readonly grid: number;
  /** cores of a group of the all-reduce; default: the root of `grid` */
  readonly group?: number;
  /** default f16 */
  readonly dtype?: ModelType;
  readonly target: TargetChoice;
}

/** Cycles until all cores have their part of the result, the all-reduce along a side included. */
export function modelGemv({ k, n, grid, group, dtype = "f16", target: choice }: GemvQuestion): ModelledCycles {
  const target = targetOf(choice);
  check("modelGemv", [
    ...wholes({ k, n, grid, ...(group !== undefined && { group }) }),
    group === undefined ? null : atMost("group", group, grid, "a side has"),
    onFabric(grid, target),
    oneOf("dtype", dtype, modelTypes),
  ]);
  return { cycles: gemvCycles({ target, k, n, dtype, grid, group }) };
}

/** A star stencil over a grid that has a column of cells on each core. */
export interface StencilQuestion {
  /** cells of each core */
  readonly depth: number;
  /** cells that a point reaches each way; default 4, the 25-point stencil */
  readonly radius?: number;
  /** default 1 */
  readonly steps?: number;
  /** default f32 */
  readonly dtype?: ModelType;
  readonly target: TargetChoice;
}

/** Cycles of all steps, and their seconds at the target's clock. The number of cores plays no part. */
export function modelStencil({
  depth,
  radius = 4,
  steps = 1,
  dtype = "f32",
  target: choice,
}: StencilQuestion): ModelledCycles & { readonly seconds: number } {
  const target = targetOf(choice);
  check("modelStencil", [...wholes({ depth, radius, steps }), oneOf("dtype", dtype, modelTypes)]);
  const cycles = steps * stencilStepCycles({ target, depth, radius, dtype });
  return { cycles, seconds: cycles / clockHz(target) };
}

/** A language model of 16-bit weights on a square of cores that holds it, batch 1. */
export interface TransformerQuestion extends LayerShape {
  readonly layers: number;
  /** cores along a side */
  readonly grid: number;
  /** tokens that attention looks back on (decode), or that come at once (prefill); default 4,096 */
  readonly context?: number;
  /**
   * GHz; default: the highest that sources give for the target (`clock.max`), at which the published rates were stated. The other functions
   * use `clock.used`.
   */
  readonly clock?: number;
  readonly target: TargetChoice;
}

export interface TransformerAnswer {
  readonly tokensPerSecond: number;
  /** of one token (decode), of the whole context (prefill) */
  readonly cyclesPerLayer: number;
}

const defaultContext = 4096;

function layerOf(subject: string, question: TransformerQuestion): LayerOnRegion {
  const { hidden, heads, kvHeads, ffn, headSize, layers, grid, context = defaultContext } = question;
  const target = targetOf(question.target);
  check(subject, [
    ...wholes({ layers, hidden, heads, kvHeads, ffn, grid, context, ...(headSize !== undefined && { headSize }) }),
    atMost("kvHeads", kvHeads, heads, "heads are"),
    onFabric(grid, target),
    question.clock === undefined || question.clock > 0
      ? null
      : { message: `clock is a number of GHz above 0, not ${question.clock}` },
  ]);
  const shape = { hidden, heads, kvHeads, ffn, ...(headSize !== undefined && { headSize }) };
  return { target, shape, grid, context };
}

function answer(
  question: TransformerQuestion,
  layer: LayerOnRegion,
  cycles: LayerCycles,
  tokens: number,
): TransformerAnswer {
  const { layers, clock = layer.target.clock.max } = question;
  const cyclesPerLayer = totalCycles(cycles);
  return { tokensPerSecond: (tokens * clock * 1e9) / (layers * cyclesPerLayer), cyclesPerLayer };
}

/** Tokens per second of one stream, and cycles that a token takes in each layer. */
export function modelDecode(question: TransformerQuestion): TransformerAnswer {
  const layer = layerOf("modelDecode", question);
  return answer(question, layer, decodeLayerCycles(layer), 1);
}

/** Tokens per second while the context is read in, and cycles that it takes in each layer. */
export function modelPrefill(question: TransformerQuestion): TransformerAnswer {
  const layer = layerOf("modelPrefill", question);
  return answer(question, layer, prefillLayerCycles(layer), layer.context);
}
