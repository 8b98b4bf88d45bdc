/** Steps behind a cache that stays on the wafer: what leaves equals the reference's, step after step behind the same cache. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { lowerFabric } from "../../compiler/fabric/lower.ts";
import { verifyFabric } from "../../ir/fabric/verify.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";
import { simulateWords } from "../../runtime/simulator/word/run.ts";
import { f32, type ModelSpec, node } from "../helpers/onnx-builder.ts";
import { placed, randomInputs, smallTarget, tensor } from "./placed.ts";

/** Attention of one token behind `past` others, in two layers of so many heads. */
function decodeStep(heads: number, width: number, past: number): ModelSpec {
  const hidden = heads * width;
  const layers = [0, 1];
  const [cache, longer] = [f32(1, heads, past, width), f32(1, heads, past + 1, width)];
  const each = <T>(of: (layer: number) => Record<string, T>): Record<string, T> =>
    Object.assign({}, ...layers.map(of)) as Record<string, T>;
  return {
    opset: 13,
    inputs: {
      x: f32(1, hidden),
      ...each((layer) => ({ [`past.${layer}.key`]: cache, [`past.${layer}.value`]: cache })),
    },
    outputs: {
      y: f32(1, hidden),
      ...each((layer) => ({ [`present.${layer}.key`]: longer, [`present.${layer}.value`]: longer })),
    },
    initializers: {
      split: tensorOf([1, heads, 1, width]),
      flat: tensorOf([1, hidden]),
      ...each((layer) => ({
        [`q${layer}`]: tensor(hidden, hidden),
        [`k${layer}`]: tensor(hidden, hidden),
        [`v${layer}`]: tensor(hidden, hidden),
        [`o${layer}`]: tensor(hidden, hidden),
      })),
    },
    nodes: layers.flatMap((layer) => {
      const x = layer === 0 ? "x" : `x${layer}`;
      const next = layer === layers.length - 1 ? "y" : `x${layer + 1}`;
      const projected = ["q", "k", "v"].flatMap((what) => [
        node("MatMul", [x, `${what}${layer}`], [`${what}flat${layer}`]),
        node("Reshape", [`${what}flat${layer}`, "split"], [`${what}new${layer}`]),
      ]);
      return [
        ...projected,
        node("Concat", [`past.${layer}.key`, `knew${layer}`], [`present.${layer}.key`], { axis: 2 }),
        node("Concat", [`past.${layer}.value`, `vnew${layer}`], [`present.${layer}.value`], { axis: 2 }),
        node("Transpose", [`present.${layer}.key`], [`kt${layer}`], { perm: [0, 1, 3, 2] }),
        node("MatMul", [`qnew${layer}`, `kt${layer}`], [`scores${layer}`]),
        node("Softmax", [`scores${layer}`], [`weights${layer}`], { axis: -1 }),
        node("MatMul", [`weights${layer}`, `present.${layer}.value`], [`mixed${layer}`]),
        node("Reshape", [`mixed${layer}`, "flat"], [`mixedflat${layer}`]),
        node("MatMul", [`mixedflat${layer}`, `o${layer}`], [`out${layer}`]),
        node("Add", [`out${layer}`, x], [next]),
      ];
    }),
  };
}

const tensorOf = (shape: readonly number[]): TensorData => ({
  dtype: "i64",
  shape: [shape.length],
  elements: BigInt64Array.from(shape, BigInt),
});

describe("two layers behind caches", () => {
  it("give the reference's numbers, and keep what stays", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          heads: fc.integer({ min: 1, max: 3 }),
          width: fc.integer({ min: 2, max: 4 }),
          past: fc.integer({ min: 1, max: 5 }),
          columns: fc.integer({ min: 8, max: 12 }),
          rows: fc.integer({ min: 6, max: 9 }),
        }),
        async ({ heads, width, past, columns, rows }) => {
          const model = await placed(decodeStep(heads, width, past), smallTarget(columns, rows), "fused");
          const caches = model.kernels.kernels.flatMap(({ states }) => states.map((state) => state.past));
          expect(caches.toSorted()).toEqual(["past.0.key", "past.0.value", "past.1.key", "past.1.value"]);
          const program = lowerFabric(model);
          expect(verifyFabric(program)).toEqual([]);
          const [first, second] = randomInputs(model.graph, 2) as [Inputs, Inputs];
          const steps = [first, new Map([...first, ["x", second.get("x") as TensorData]])];
          const { outputs } = simulateWords(program, model.target, {
            samples: 2,
            constants: (value) => model.graph.values[value]?.constant?.elements as Float32Array,
            inputs: (name, sample) => steps[sample]?.get(name)?.elements as Float32Array,
            pasts: (name) => first.get(name)?.elements as Float32Array,
          });
          for (const [sample, given] of steps.entries()) {
            const wanted = (interpretGraph(model.graph, given).get("y") as TensorData).elements as Float32Array;
            const got = outputs.get("y")?.[sample] as Float32Array;
            const largest = wanted.reduce((most, element) => Math.max(most, Math.abs(element)), 0);
            for (const [index, element] of wanted.entries())
              expect(Math.abs(element - (got[index] ?? NaN)) / largest).toBeLessThan(1e-5);
          }
          expect([...outputs.keys()]).toEqual(["y"]);
        },
      ),
      { numRuns: 6, seed: 14 },
    );
  });
});

type Inputs = ReadonlyMap<string, TensorData>;
