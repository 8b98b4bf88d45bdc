/** Fits the law of GPUs on measured rows: least squares of relative errors, and the same with each model left out. */
import { nth } from "../../../ir/access.ts";
import { gpuNodes } from "../machines/gpus.ts";
import { namedModel } from "../models/named/index.ts";
import {
  fittedBatch,
  type GpuPrecision,
  gpuPrecisions,
  type LawError,
  secondsBy,
  type TermName,
  type Terms,
  termsOf,
} from "./law.ts";

/** A measured row. */
export interface Measured {
  readonly model: string;
  readonly terms: Terms;
  /** measured, per output token */
  readonly seconds: number;
  readonly isLarge: boolean;
}

/** Names in the table of measurements, by how they begin behind the publisher. */
const models: readonly (readonly [pattern: RegExp, model: string])[] = [
  [/^Llama-3\.1-8B/, "llama3.1-8b"],
  [/^Llama-3\.1-70B/, "llama3.1-70b"],
  [/^Qwen3-32B/, "qwen3-32b"],
  [/^gpt-oss-120b/, "gpt-oss-120b"],
  [/^DeepSeek-(?:R1|V3)/, "deepseek-r1"],
  // the text model of K2.5 has K2's sizes
  [/^Kimi-K2/, "kimi-k2"],
];

const machines: ReadonlyMap<string, string> = new Map([
  ["h100_sxm", "h100"],
  ["h200_sxm", "h200"],
  ["b200_sxm", "b200"],
]);

/** Rows of measured.csv that the law is about: known models, every layer shared by all GPUs. */
export function measuredRows(csv: string, experts: boolean): readonly Measured[] {
  const [head = "", ...lines] = csv.trim().split("\n");
  const columns = head.split(",");
  return lines.flatMap((line) => {
    const cells = line.split(",");
    const cell = (name: string): string => nth(cells, columns.indexOf(name));
    const number = (name: string): number => Number(cell(name));
    const name = models.find(([pattern]) => pattern.test(cell("model_path").replace(/^.*\//, "")))?.[1];
    const machine = machines.get(cell("system"));
    const count = number("tp_size");
    const node = machine === undefined ? undefined : gpuNodes.get(count === 1 ? machine : `${machine}x${count}`);
    const precision: GpuPrecision | undefined = gpuPrecisions.find((each) => each === (cell("precision") || "bf16"));
    const batch = number("batch_size");
    const seconds = number("silicon_tpot_ms") / 1e3;
    const shared = number("pp_size") === 1 && number("attention_dp_size") <= 1;
    if (name === undefined || node === undefined || precision === undefined || !shared || !(seconds > 0)) return [];
    const config = namedModel(name);
    if ((config.experts !== undefined) !== experts) return [];
    const serving = { node, precision, batch, inputTokens: number("isl"), outputTokens: number("osl") };
    return [{ model: name, terms: termsOf(config, serving), seconds, isLarge: batch > fittedBatch }];
  });
}

/** Terms that a fit gives one constant each; those of a group share theirs, and what is in no group has none. */
export type Groups = readonly (readonly TermName[])[];

export const denseGroups: Groups = [["weights"], ["cache"], ["layer"], ["exchange"], ["work"]];

/** Servers differ more among themselves on models with experts than caches and all-reduces take, so that these have no constants of their own. */
export const expertGroups: Groups = [["weights", "cache"], ["layer"], ["exchange", "work"]];

/** Solves a symmetric positive system by elimination; null: it is singular. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): readonly number[] | null {
  const rows = matrix.map((row, i) => [...row, nth(right, i)]);
  const size = rows.length;
  for (let i = 0; i < size; i++) {
    const pivot = nth(nth(rows, i), i);
    if (!(Math.abs(pivot) > 0)) return null;
    for (let j = 0; j < size; j++) {
      if (j === i) continue;
      const factor = nth(nth(rows, j), i) / pivot;
      rows[j] = nth(rows, j).map((value, k) => value - factor * nth(nth(rows, i), k));
    }
  }
  return rows.map((row, i) => nth(row, size) / nth(row, i));
}

/** Constants that are not negative, with the least sum of squared relative errors: the best of the fits on every subset of the groups. */
export function fitLaw(rows: readonly Measured[], groups: Groups): Terms {
  const columns = groups.map((group) =>
    rows.map(({ terms, seconds }) => group.reduce((sum, name) => sum + terms[name], 0) / seconds),
  );
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, i) => sum + value * nth(b, i), 0);
  const ones = rows.map(() => 1);
  const products = columns.map((a) => columns.map((b) => dot(a, b)));
  const targets = columns.map((column) => dot(column, ones));
  let best = { gain: 0, constants: groups.map(() => 0) };
  for (let mask = 1; mask < 2 ** groups.length; mask++) {
    const used = groups.flatMap((_, i) => ((mask >> i) & 1 ? [i] : []));
    const found = solve(
      used.map((i) => used.map((j) => nth(nth(products, i), j))),
      used.map((i) => nth(targets, i)),
    );
    if (found === null || found.some((value) => !(value >= 0))) continue;
    // by how much a least-squares solution lessens the sum of squares
    const gain = found.reduce((sum, value, i) => sum + value * nth(targets, nth(used, i)), 0);
    if (gain <= best.gain) continue;
    best = { gain, constants: groups.map((_, i) => (used.includes(i) ? nth(found, used.indexOf(i)) : 0)) };
  }
  const of = (name: TermName): number => {
    const group = groups.findIndex((names) => names.includes(name));
    return group < 0 ? 0 : nth(best.constants, group);
  };
  return { weights: of("weights"), cache: of("cache"), layer: of("layer"), exchange: of("exchange"), work: of("work") };
}

/** Mean relative error without sign. */
export const meanError = (constants: Terms, rows: readonly Measured[]): number =>
  rows.reduce((sum, { terms, seconds }) => sum + Math.abs(secondsBy(constants, terms) / seconds - 1), 0) / rows.length;

/** Error of each model by a law that was fitted on the others. */
export function leftOut(
  rows: readonly Measured[],
  groups: Groups,
): ReadonlyMap<string, { readonly rows: number; readonly error: number }> {
  const names = [...new Set(rows.map(({ model }) => model))];
  return new Map(
    names.map((name) => {
      const own = rows.filter(({ model }) => model === name);
      const others = rows.filter(({ model }) => model !== name);
      return [name, { rows: own.length, error: meanError(fitLaw(others, groups), own) }];
    }),
  );
}

/** A fit of the rows with few requests at once, with its errors. */
export interface Fit {
  readonly rows: number;
  readonly largeRows: number;
  readonly constants: Terms;
  readonly errors: LawError;
  readonly models: ReadonlyMap<string, { readonly rows: number; readonly error: number }>;
}

export function fitOf(measured: readonly Measured[], groups: Groups): Fit {
  const rows = measured.filter(({ isLarge }) => !isLarge);
  const large = measured.filter(({ isLarge }) => isLarge);
  const constants = fitLaw(rows, groups);
  const models = leftOut(rows, groups);
  const weighed = [...models.values()].reduce((sum, each) => sum + each.rows * each.error, 0) / rows.length;
  return {
    rows: rows.length,
    largeRows: large.length,
    constants,
    errors: { inSample: meanError(constants, rows), leftOut: weighed, largeBatches: meanError(constants, large) },
    models,
  };
}
