/** Linear maps, norms and activations of language models, as ONNX nodes of opset 17. */
import type { Activation, ModelConfig } from "../config.ts";
import type { Draft, WeightRole } from "../draft.ts";

/** `x @ W (+ b)`; W is [inputs, outputs] under `name`.weight, b under `name`.bias. */
export function linear(
  draft: Draft,
  x: string,
  name: string,
  [inputs, outputs]: readonly [number, number],
  bias: boolean,
): string {
  return draft.within(name, () => {
    const product = draft.op("MatMul", [x, draft.weight("weight", [inputs, outputs], "matrix")]);
    return bias ? draft.op("Add", [product, draft.weight("bias", [outputs], "vector")]) : product;
  });
}

/** A norm over the last axis, of `size` elements, under `name`. */
export function normalized(draft: Draft, x: string, name: string, size: number, norm: ModelConfig["norm"]): string {
  return draft.within(name, () => {
    const scale = draft.weight("weight", [size], "vector");
    if (norm.kind === "rms") return rms(draft, x, scale, norm.epsilon);
    const bias = draft.weight("bias", [size], "vector");
    return draft.op("LayerNormalization", [x, scale, bias], { axis: -1, epsilon: { float: norm.epsilon } });
  });
}

/** Root mean square in float32, as the models' own code has it. */
function rms(draft: Draft, x: string, scale: string, epsilon: number): string {
  const narrow = draft.options.dtype === "f16";
  const wide = narrow ? draft.op("Cast", [x], { to: onnxFloat }) : x;
  const mean = draft.op("ReduceMean", [draft.op("Mul", [wide, wide])], { axes: [-1], keepdims: 1 });
  const root = draft.op("Sqrt", [draft.op("Add", [mean, draft.constant("f32", [], [epsilon])])]);
  const unit = draft.op("Div", [wide, root]);
  return draft.op("Mul", [narrow ? draft.op("Cast", [unit], { to: onnxHalf }) : unit, scale]);
}

/** Ids of element types in ONNX. */
export const onnxFloat = 1;
export const onnxHalf = 10;

/** Applies an activation; a gated one multiplies it with `up`. */
export function activated(draft: Draft, x: string, kind: Activation, up: string | null): string {
  if (kind === "clamped-silu") return clampedSilu(draft, x, up);
  const result = plainActivation(draft, x, kind);
  return up === null ? result : draft.op("Mul", [result, up]);
}

function plainActivation(draft: Draft, x: string, kind: Exclude<Activation, "clamped-silu">): string {
  switch (kind) {
    case "relu":
      return draft.op("Relu", [x]);
    case "silu":
      return draft.op("Mul", [x, draft.op("Sigmoid", [x])]);
    case "gelu": {
      const inner = draft.op("Erf", [draft.op("Div", [x, draft.scalar(Math.SQRT2)])]);
      const half = draft.op("Mul", [x, draft.scalar(0.5)]);
      return draft.op("Mul", [half, draft.op("Add", [inner, draft.scalar(1)])]);
    }
    case "gelu-tanh": {
      const cube = draft.op("Mul", [draft.op("Mul", [x, x]), x]);
      const bent = draft.op("Add", [x, draft.op("Mul", [cube, draft.scalar(0.044715)])]);
      const inner = draft.op("Tanh", [draft.op("Mul", [bent, draft.scalar(Math.sqrt(2 / Math.PI))])]);
      const half = draft.op("Mul", [x, draft.scalar(0.5)]);
      return draft.op("Mul", [half, draft.op("Add", [inner, draft.scalar(1)])]);
    }
  }
}

/** gpt-oss's: both factors limited to 7, the sigmoid steeper by 1.702, one added to the ungated factor. */
function clampedSilu(draft: Draft, x: string, up: string | null): string {
  const limit = draft.scalar(7);
  const gate = draft.op("Min", [x, limit]);
  const steep = draft.op("Sigmoid", [draft.op("Mul", [gate, draft.scalar(1.702)])]);
  const result = draft.op("Mul", [gate, steep]);
  if (up === null) return result;
  const bounded = draft.op("Clip", [up, draft.scalar(-7), limit]);
  return draft.op("Mul", [draft.op("Add", [bounded, draft.scalar(1)]), result]);
}

/** Rows of a table by the values of `ids`. */
export function looked(
  draft: Draft,
  ids: string,
  name: string,
  dims: readonly [number, number],
  role: WeightRole = "embedding",
): string {
  return draft.within(name, () => draft.op("Gather", [draft.weight("weight", dims, role, dims[1]), ids]));
}

/** Several factors of 1 are none. */
export const scaled = (draft: Draft, x: string, factor: number): string =>
  factor === 1 ? x : draft.op("Mul", [x, draft.scalar(factor)]);

/** `[batch, tokens, heads * size]` to `[batch, heads, tokens, size]`, or with groups to `[batch, heads / group, group, tokens, size]`. */
export function splitHeads(draft: Draft, x: string, heads: readonly number[], size: number): string {
  const parts = draft.op("Reshape", [x, draft.ints(0, 0, ...heads, size)]);
  const order = heads.length === 1 ? [0, 2, 1, 3] : [0, 2, 3, 1, 4];
  return draft.op("Transpose", [parts], { perm: order });
}

/** Back from `splitHeads`. */
export function joinHeads(draft: Draft, x: string, heads: readonly number[], size: number): string {
  const order = heads.length === 1 ? [0, 2, 1, 3] : [0, 3, 1, 2, 4];
  const width = heads.reduce((product, count) => product * count, size);
  return draft.op("Reshape", [draft.op("Transpose", [x], { perm: order }), draft.ints(0, 0, width)]);
}

/** `x` with axes of one element at these places. */
export const spread = (draft: Draft, x: string, ...axes: readonly number[]): string =>
  draft.op("Unsqueeze", [x, draft.ints(...axes)]);
