/** Weights of a Winograd convolution, transformed while compiling: one packed matrix [channels x filters] for each position and group. */
import { elementCount, type TensorData } from "../../../../ir/tensor.ts";
import type { PackedArg } from "../../kernel.ts";
import { packedArg, type PackPlan } from "../product/pack.ts";
import type { Form } from "./forms.ts";

/** Transforms [3, 3, channels, filters] to [positions, channels, filters]; sums are made in float64 and rounded once. */
export function transformWeights(constant: TensorData, [vertical, horizontal]: readonly [Form, Form]): TensorData {
  const [, , channels = 1, filters = 1] = constant.shape;
  const plane = channels * filters;
  if (elementCount(constant.shape) !== 9 * plane) throw new Error("internal: Winograd weights are not 3x3");
  const source = Float64Array.from(constant.elements as Float32Array);
  const target = new Float32Array(vertical.size * horizontal.size * plane);
  // one row of the vertical transform: for each column of the filter all filters
  const line = new Float64Array(3 * filters);
  for (let at = 0; at < plane; at += filters) {
    for (const [i, row] of vertical.weights.entries()) {
      for (let x = 0; x < 3; x++) combine(line, x * filters, row, source, x * plane + at, 3 * plane, filters);
      for (const [j, column] of horizontal.weights.entries()) {
        round(target, (i * horizontal.size + j) * plane + at, column, line, filters);
      }
    }
  }
  return { dtype: "f32", shape: [vertical.size * horizontal.size, channels, filters], elements: target };
}

type Factors = readonly [number, number, number];

/** target[to + i] = the sum of three runs of the source, `stride` apart, times three factors. */
function combine(target: Float64Array, to: number, [g0, g1, g2]: Factors, source: Float64Array, from: number, stride: number, count: number): void {
  const [first, second, third] = [0, 1, 2].map((n) => source.subarray(from + n * stride, from + n * stride + count)) as [Float64Array, Float64Array, Float64Array];
  for (let i = 0; i < count; i++) {
    target[to + i] = g0 * (first[i] as number) + g1 * (second[i] as number) + g2 * (third[i] as number);
  }
} // prettier-ignore

/** The same over a line of three runs, rounded to f32. */
function round(target: Float32Array, to: number, [g0, g1, g2]: Factors, line: Float64Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const sum = g0 * (line[i] as number) + g1 * (line[i + count] as number) + g2 * (line[i + 2 * count] as number);
    target[to + i] = sum;
  }
}

/** The argument for constant weights; `plan` packs what `transformWeights` gives. */
export function winogradWeights(
  input: number,
  constant: TensorData,
  tileForms: readonly [Form, Form],
  plan: PackPlan,
): PackedArg {
  const shape = { ...constant, shape: [0], elements: new Float32Array(0) };
  const { layout, byteLength } = packedArg(input, shape, plan);
  return {
    kind: "packed",
    input,
    layout: `winograd ${tileForms.map((form) => form.name).join("x")} ${layout}`,
    byteLength,
    write: (target) => {
      packedArg(input, transformWeights(constant, tileForms), plan).write(target);
    },
  };
}
