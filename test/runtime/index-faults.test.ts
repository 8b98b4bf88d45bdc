/** Indices outside their axis: the diagnostic names the node, the index, the axis and its range. */
import { describe, expect, it } from "@jest/globals";
import { InferenceSession } from "../../runtime/session.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { f32, modelBytes, node, type NodeSpec, typed } from "../helpers/onnx-builder.ts";
import type { DType } from "../../ir/dtype.ts";

const x = new Tensor("float32", [0, 1, 2, 3, 4, 5], [2, 3]);
const updates = new Tensor("float32", [7, 8], [1, 2]);

/** Runs a node over x [2, 3] and indices. */
async function run(
  spec: NodeSpec,
  dims: readonly number[],
  values: readonly bigint[],
  dtype: DType = "i64",
): Promise<unknown> {
  const scatters = spec.inputs.includes("updates");
  const bytes = await modelBytes({
    opset: 18,
    inputs: { x: f32(2, 3), at: typed(dtype, ...dims), ...(scatters ? { updates: f32(1, 2) } : {}) },
    outputs: { y: f32(...(scatters ? [2, 3] : ["a", "b"])) },
    nodes: [{ ...spec, name: "picked" }],
  });
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 4 });
  const at =
    dtype === "i64" ? new Tensor("int64", values, dims) : new Tensor("int32", Int32Array.from(values, Number), dims);
  const { y } = await session.run({ x, at, ...(scatters ? { updates } : {}) });
  return y?.data;
}

describe("an index outside its axis", () => {
  it.each([
    [
      "Gather",
      node("Gather", ["x", "at"], ["y"], { axis: 1 }),
      [1, 2],
      [0n, 3n],
      /picked.*index 3 \(number 1\) is outside axis 1, which has 3: from -3 to 2/,
    ],
    [
      "Gather",
      node("Gather", ["x", "at"], ["y"], { axis: 0 }),
      [2],
      [-3n, 0n],
      /picked.*index -3 \(number 0\) is outside axis 0, which has 2: from -2 to 1/,
    ],
    [
      "GatherElements",
      node("GatherElements", ["x", "at"], ["y"], { axis: 1 }),
      [1, 2],
      [2n, 9n],
      /picked.*index 9 \(number 1\) is outside axis 1/,
    ],
    [
      "GatherND",
      node("GatherND", ["x", "at"], ["y"]),
      [1, 1, 2],
      [1n, 4n],
      /picked.*index 4 \(number 1\) is outside axis 1, which has 3/,
    ],
    [
      "ScatterElements",
      node("ScatterElements", ["x", "at", "updates"], ["y"], { axis: 0 }),
      [1, 2],
      [0n, 2n],
      /picked.*index 2 \(number 1\) is outside axis 0, which has 2/,
    ],
    [
      "ScatterND",
      node("ScatterND", ["x", "at", "updates"], ["y"]),
      [1, 2, 2],
      [0n, 0n, 5n, 0n],
      /picked.*index 5 \(number 2\) is outside axis 0/,
    ],
  ] as const)("of %s is named", async (_, spec, dims, values, expected) => {
    await expect(run(spec, dims, values)).rejects.toThrow(expected);
  });

  it("may have 32 bits", async () => {
    const gather = node("Gather", ["x", "at"], ["y"], { axis: 1 });
    await expect(run(gather, [1, 2], [1n, -4n], "i32")).rejects.toThrow(/index -4 \(number 1\) is outside axis 1/);
  });

  it("is none within it, negative ones counted from the end", async () => {
    const gather = node("Gather", ["x", "at"], ["y"], { axis: 1 });
    expect(await run(gather, [2], [-1n, 0n])).toEqual(Float32Array.of(2, 0, 5, 3));
  });
});
