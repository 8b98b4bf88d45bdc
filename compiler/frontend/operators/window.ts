/** Arithmetic of sliding windows, shared by convolution and pooling: kernel, strides, dilations and padding of the spatial dims. */
import { addDims, ceilDiv, type Dim, isOpenDim, mulDims } from "../../../ir/dim.ts";
import type { NodeContext } from "../operator.ts";

/** What a node says of its windows; one entry per spatial dim. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padsBegin: readonly number[];
  readonly padsEnd: readonly number[];
}

export type AutoPad = "NOTSET" | "SAME_UPPER" | "SAME_LOWER" | "VALID";
const autoPads: readonly string[] = ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"] satisfies readonly AutoPad[];

export function autoPadOf(node: NodeContext): AutoPad {
  const value = node.string("auto_pad", "NOTSET");
  if (!autoPads.includes(value))
    throw node.attributeError(`auto_pad must be one of ${autoPads.join(", ")}, not ${value}`);
  return value as AutoPad;
}

/** An attribute with one integer >= `least` per spatial dim; `fallback` for each when it is left out. */
export function perDim(node: NodeContext, name: string, dims: number, fallback: number, least: number): number[] {
  const values = node.ints(name);
  if (values === undefined) return new Array<number>(dims).fill(fallback);
  if (values.length !== dims)
    throw node.attributeError(`${name} has ${values.length} entries for ${dims} spatial dims`);
  const bad = values.find((value) => value < least);
  if (bad !== undefined) throw node.attributeError(`${name} has the entry ${bad}; the least is ${least}`);
  return values;
}

/** `pads` as begin and end; they may not be negative unless the caller says so. */
export function padsOf(node: NodeContext, dims: number): { readonly begin: number[]; readonly end: number[] } {
  const pads = perDim(node, "pads", dims * 2, 0, Number.MIN_SAFE_INTEGER);
  return { begin: pads.slice(0, dims), end: pads.slice(dims) };
}

/** Input elements that a dilated kernel spans. */
export const span = (kernel: number, dilation: number): number => (kernel - 1) * dilation + 1;

/** Splits padding between the two ends; the odd one goes where `SAME_UPPER` or `SAME_LOWER` says. */
export function splitPadding(total: number, mode: AutoPad): readonly [begin: number, end: number] {
  const small = Math.floor(total / 2);
  return mode === "SAME_UPPER" ? [small, total - small] : [total - small, small];
}

/** Windows of a convolution or a pool over `input` (spatial dims), auto_pad resolved: SAME pads to ceil(input / stride) outputs. */
export function windowsOf(node: NodeContext, input: readonly Dim[], kernel: readonly number[]): Windows {
  const dims = input.length;
  const strides = perDim(node, "strides", dims, 1, 1);
  const dilations = perDim(node, "dilations", dims, 1, 1);
  const mode = autoPadOf(node);
  const { begin, end } = padsOf(node, dims);
  if (mode === "NOTSET") return { kernel, strides, dilations, padsBegin: begin, padsEnd: end };
  const pairs = input.map((size, i): readonly [number, number] => {
    const [stride, reach] = [strides[i] ?? 1, span(kernel[i] ?? 1, dilations[i] ?? 1)];
    const whole = mulDims(addDims(ceilDiv(size, stride), -1), stride);
    const total = mode === "VALID" ? 0 : leastOf(node, addDims(whole, reach, mulDims(-1, size)), reach);
    return splitPadding(total, mode);
  });
  return { kernel, strides, dilations, padsBegin: pairs.map(([b]) => b), padsEnd: pairs.map(([, e]) => e) };
}

/** A size that is at most `most`, as a number from 0 on. */
function leastOf(node: NodeContext, size: Dim, most: number): number {
  if (!isOpenDim(size)) return Math.max(0, size);
  let least = 0;
  while (least < most && !node.decide(size, "<=", least)) least++;
  return least;
}

/** `kernel_shape`, checked against the dims; `fallback` when it is left out. */
export function kernelOf(node: NodeContext, dims: number, fallback?: readonly number[]): readonly number[] {
  const kernel = node.ints("kernel_shape") ?? fallback ?? [];
  if (kernel.length !== dims)
    throw node.attributeError(`kernel_shape has ${kernel.length} entries for ${dims} spatial dims`);
  const bad = kernel.find((size) => size < 1);
  if (bad !== undefined) throw node.attributeError(`kernel_shape has the entry ${bad}`);
  return kernel;
}

/** As `spatialOf`, where they may be open. */
export function spatialDimsOf(node: NodeContext, index: number): readonly Dim[] {
  const dims = node.dims(index);
  if (dims.length < 3)
    throw node.shapeError(`input ${index} must have a batch, a channel and spatial dims, not rank ${dims.length}`);
  return dims.slice(2);
}

/** Dims after batch and channels; WSC3004 when there is none. */
export function spatialOf(node: NodeContext, index: number): readonly number[] {
  const shape = node.shape(index);
  if (shape.length < 3)
    throw node.shapeError(`input ${index} must have a batch, a channel and spatial dims, not rank ${shape.length}`);
  return shape.slice(2);
}

/** Coordinates of a row-major position. */
export function unravel(position: number, shape: readonly number[]): number[] {
  const coordinates = new Array<number>(shape.length);
  let rest = position;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const dim = shape[axis] ?? 1;
    coordinates[axis] = rest % dim;
    rest = Math.floor(rest / dim);
  }
  return coordinates;
}
