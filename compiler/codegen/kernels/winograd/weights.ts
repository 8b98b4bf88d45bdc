/** Weights of a Winograd convolution, transformed while compiling: one packed matrix [phases, channels x filters] for each position and group. */
import { elementCount, type TensorData } from "../../../../ir/tensor.ts";
import type { PackedArg } from "../../kernel.ts";
import { packedArg, type PackPlan } from "../product/pack.ts";
import { type Part, partPositions, type Span, type WinogradPlan } from "./plan.ts";

type Transform = Pick<WinogradPlan, "forms" | "strides" | "kernel" | "elements">;

/**
 * Transforms [rows, columns, channels, filters] to [positions, phases, channels, filters] for the positions and phases of a part; sums are made
 * in float64 and rounded once, to floats.
 */
export function transformWeights(constant: TensorData, transform: Transform, part: Part): TensorData {
  const [rows = 1, columns = 1, channels = 1, filters = 1] = constant.shape;
  const { kernel, strides } = transform;
  const isOfKernel = rows === kernel[0] && columns === kernel[1];
  if (!isOfKernel || elementCount(constant.shape) !== constant.elements.length)
    throw new Error("internal: Winograd weights are not of the kernel's shape");
  const source = Float64Array.from(constant.elements as Float32Array);
  const [phasesY, phasesX] = part.phases;
  const plane = phasesY * phasesX * channels * filters;
  const count = partPositions(part) * plane;
  const target = transform.elements === "f32" ? new Float32Array(count) : new Int16Array(count);
  const [vertical, horizontal] = [weightRows(transform, part, 0), weightRows(transform, part, 1)];
  // of one phase and channel, for one row of the vertical transform: all filters of each column of the phase
  const line = new Float64Array(filters * transform.forms[1].taps);
  const sums = new Float64Array(filters);
  for (let phase = 0; phase < phasesY * phasesX; phase++) {
    const ys = tapsOf(rows, strides[0], Math.floor(phase / phasesX));
    const xs = tapsOf(columns, strides[1], phase % phasesX);
    for (let channel = 0; channel < channels; channel++) {
      const at = (y: number, x: number): number => ((y * columns + x) * channels + channel) * filters;
      for (const [i, row] of vertical.entries()) {
        line.fill(0);
        for (const [u, x] of xs.entries())
          for (const [t, y] of ys.entries()) accumulate(line, u * filters, row[t] ?? 0, source, at(y, x), filters);
        for (const [j, column] of horizontal.entries()) {
          sums.fill(0);
          for (const u of xs.keys()) accumulate(sums, 0, column[u] ?? 0, line, u * filters, filters);
          target.set(sums, (i * horizontal.length + j) * plane + (phase * channels + channel) * filters);
        }
      }
    }
  }
  return {
    dtype: transform.elements,
    shape: [partPositions(part), phasesY * phasesX, channels, filters],
    elements: target,
  };
}

/** Rows of the matrix that belong to the part's positions. */
function weightRows({ forms }: Transform, { positions }: Part, dim: 0 | 1): readonly (readonly number[])[] {
  const { first, count }: Span = positions[dim];
  return forms[dim].weights.slice(first, first + count);
}

/** Indices of the taps of a phase. */
const tapsOf = (kernel: number, stride: number, phase: number): readonly number[] =>
  Array.from({ length: Math.ceil((kernel - phase) / stride) }, (_, tap) => phase + tap * stride);

/** Adds a run of the source, times a factor, to a run of the target. */
function accumulate(target: Float64Array, to: number, factor: number, source: Float64Array, from: number, count: number): void {
  if (factor === 0) return;
  for (let i = 0; i < count; i++) target[to + i] = (target[to + i] as number) + factor * (source[from + i] as number);
} // prettier-ignore

/** The argument for constant weights of a part; `pack` packs what `transformWeights` gives. */
export function winogradWeights(
  input: number,
  constant: TensorData,
  transform: Transform,
  part: Part,
  pack: PackPlan,
): PackedArg {
  const none: TensorData = { dtype: constant.dtype, shape: [0], elements: new Float32Array(0) };
  const { layout, byteLength } = packedArg(input, none, pack);
  const { forms, strides } = transform;
  return {
    kind: "packed",
    input,
    layout: `winograd ${forms.map((form) => form.name).join("x")} ${JSON.stringify([strides, part])} ${layout}`,
    byteLength,
    write: (target) => {
      packedArg(input, transformWeights(constant, transform, part), pack).write(target);
    },
  };
}
