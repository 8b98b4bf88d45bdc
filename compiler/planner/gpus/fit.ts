/** Fits the law of GPUs on measured rows: least squares of relative errors, and the same with each model left out. */
import { nth } from "../../../ir/access.ts";
import { gpuNodes } from "../machines/gpus.ts";
import { namedModel } from "../models/named/index.ts";
import { fittedBatch, type GpuLaw, type GpuPrecision, gpuPrecisions, secondsBy, type Terms, termsOf } from "./law.ts";

type Constants = Pick<GpuLaw, "memory" | "layer" | "prompt">;

/** A measured row. */
export interface Measured {
  readonly model: string;
  readonly terms: Terms;
  /** measured, per output token */
  readonly seconds: number;
}

/** Names in the table of measurements, by how they begin behind the publisher. */
const models: readonly (readonly [pattern: RegExp, model: string])[] = [
  [/^Llama-3\.1-8B/, "llama3.1-8b"],
  [/^Llama-3\.1-70B/, "llama3.1-70b"],
  [/^Qwen3-32B/, "qwen3-32b"],
  [/^gpt-oss-120b/, "gpt-oss-120b"],
  [/^DeepSeek-(?:R1|V3)/, "deepseek-r1"],
];

const machines: ReadonlyMap<string, string> = new Map([
  ["h100_sxm", "h100"],
  ["h200_sxm", "h200"],
  ["b200_sxm", "b200"],
]);

/** Rows of measured.csv that the fit is about: known models, every layer shared by all GPUs, few requests at once. */
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
    if (
      name === undefined ||
      node === undefined ||
      precision === undefined ||
      !shared ||
      !(seconds > 0) ||
      batch > fittedBatch
    )
      return [];
    const config = namedModel(name);
    if ((config.experts !== undefined) !== experts) return [];
    const serving = { node, precision, batch, inputTokens: number("isl"), outputTokens: number("osl") };
    return [{ model: name, terms: termsOf(config, serving), seconds }];
  });
}

/** Constants with the least sum of squared relative errors. */
export function fitLaw(rows: readonly Measured[]): Constants {
  const equations = rows.map(
    ({ terms, seconds }) => [terms.memory / seconds, terms.layers / seconds, terms.prompt / seconds] as const,
  );
  const dot = (i: 0 | 1 | 2, j: 0 | 1 | 2): number => equations.reduce((sum, row) => sum + row[i] * row[j], 0);
  const right = (i: 0 | 1 | 2): number => equations.reduce((sum, row) => sum + row[i], 0);
  const [a, b, c, d, e, f] = [dot(0, 0), dot(0, 1), dot(0, 2), dot(1, 1), dot(1, 2), dot(2, 2)];
  const [x, y, z] = [right(0), right(1), right(2)];
  // Cramer's rule for a symmetric system of three
  const whole = a * (d * f - e * e) - b * (b * f - e * c) + c * (b * e - d * c);
  return {
    memory: (x * (d * f - e * e) - b * (y * f - e * z) + c * (y * e - d * z)) / whole,
    layer: (a * (y * f - e * z) - x * (b * f - e * c) + c * (b * z - y * c)) / whole,
    prompt: (a * (d * z - y * e) - b * (b * z - y * c) + x * (b * e - d * c)) / whole,
  };
}

/** Mean relative error without sign. */
export const meanError = (law: Constants, rows: readonly Measured[]): number =>
  rows.reduce((sum, { terms, seconds }) => sum + Math.abs(secondsBy(law, terms) / seconds - 1), 0) / rows.length;

/** Error of each model by a law that was fitted on the others. */
export function leftOut(
  rows: readonly Measured[],
): ReadonlyMap<string, { readonly rows: number; readonly error: number }> {
  const names = [...new Set(rows.map(({ model }) => model))];
  return new Map(
    names.map((name) => {
      const own = rows.filter(({ model }) => model === name);
      const others = rows.filter(({ model }) => model !== name);
      return [name, { rows: own.length, error: meanError(fitLaw(others), own) }];
    }),
  );
}
