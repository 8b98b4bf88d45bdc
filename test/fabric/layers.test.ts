/** Small random layers of every kind: placed, lowered, verified, run, and held against the reference interpreter. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { lowerFabric } from "../../compiler/fabric/lower.ts";
import { verifyFabric } from "../../ir/fabric/verify.ts";
import { parseFabric } from "../../ir/fabric/parse.ts";
import { printFabric } from "../../ir/fabric/print.ts";
import type { Target } from "../../ir/machine/target.ts";
import { f32, float, i64, type ModelSpec, node } from "../helpers/onnx-builder.ts";
import { type Layering, layerings, placed, randomInputs, run, smallTarget, tensor, worstError } from "./placed.ts";

const size = fc.integer({ min: 1, max: 9 });
const grid = fc.record({ columns: fc.integer({ min: 2, max: 9 }), rows: fc.integer({ min: 2, max: 7 }) });

/** Gives the number of ops that the fullest layer has. */
async function holds(spec: ModelSpec, target: Target, layering: Layering): Promise<number> {
  const model = await placed(spec, target, layering);
  const program = lowerFabric(model);
  expect(verifyFabric(program)).toEqual([]);
  const inputs = randomInputs(model.graph, 2);
  const calm = run(program, model, inputs);
  expect(worstError(model, inputs, calm)).toBeLessThan(1e-5);
  expect(run(program, model, inputs, 3).outputs).toEqual(calm.outputs);
  expect(parseFabric(printFabric(program))).toEqual(program);
  return Math.max(...model.kernels.kernels.map(({ stages }) => stages.length));
}

/** Models of one op, with what follows where it is to be fused. */
const kinds: Readonly<Record<string, fc.Arbitrary<ModelSpec>>> = {
  softmax: fc
    .record({ rows: size, length: size, axis: fc.constantFrom(0, 1), log: fc.boolean() })
    .map(({ rows, length, axis, log }) => ({
      opset: 13,
      inputs: { x: f32(rows, length) },
      outputs: { y: f32(rows, length) },
      nodes: [node(log ? "LogSoftmax" : "Softmax", ["x"], ["y"], { axis })],
    })),
  normalization: fc
    .record({ rows: size, length: fc.integer({ min: 2, max: 12 }), bias: fc.boolean() })
    .map(({ rows, length, bias }) => ({
      opset: 17,
      inputs: { x: f32(1, rows, length) },
      outputs: { y: f32(1, rows, length) },
      initializers: { scale: tensor(length), ...(bias ? { bias: tensor(length) } : {}) },
      nodes: [node("LayerNormalization", ["x", "scale", ...(bias ? ["bias"] : [])], ["y"], { epsilon: float(1e-3) })],
    })),
  pool: fc
    .record({
      channels: fc.integer({ min: 1, max: 3 }),
      height: fc.integer({ min: 4, max: 9 }),
      width: fc.integer({ min: 4, max: 9 }),
      kernel: fc.constantFrom(2, 3),
      stride: fc.constantFrom(1, 2),
      pads: fc.tuple(fc.nat(1), fc.nat(1), fc.nat(1), fc.nat(1)),
      ceil: fc.nat(1),
      how: fc.constantFrom("MaxPool", "AveragePool", "counted"),
    })
    .map(({ channels, height, width, kernel, stride, pads, ceil, how }) => {
      const sizes = [height, width].map((length, dim) => {
        const room = length + (pads[dim] as number) + (pads[dim + 2] as number) - kernel;
        return (ceil === 1 ? Math.ceil(room / stride) : Math.floor(room / stride)) + 1;
      });
      // a last window that begins behind the input is left out
      const [rows, columns] = sizes.map((count, dim) => {
        const length = [height, width][dim] as number;
        return (count - 1) * stride >= length + (pads[dim] as number) ? count - 1 : count;
      }) as [number, number];
      return {
        opset: 19,
        inputs: { x: f32(1, channels, height, width) },
        outputs: { y: f32(1, channels, rows, columns) },
        nodes: [
          node(how === "MaxPool" ? "MaxPool" : "AveragePool", ["x"], ["y"], {
            kernel_shape: [kernel, kernel],
            strides: [stride, stride],
            pads: [...pads],
            ceil_mode: ceil,
            ...(how === "counted" ? { count_include_pad: 1 } : {}),
          }),
        ],
      };
    }),
  "rows of a table": fc
    .record({
      rows: fc.integer({ min: 2, max: 40 }),
      width: size,
      count: size,
      axis: fc.constantFrom(0, 1),
      added: fc.boolean(),
    })
    .map(({ rows, width, count, axis, added }): ModelSpec => {
      const made = axis === 0 ? [count, width] : [width, count];
      return {
        opset: 13,
        inputs: { x: i64(count) },
        outputs: { y: f32(...made) },
        initializers: { table: axis === 0 ? tensor(rows, width) : tensor(width, rows), b: tensor(...made) },
        nodes: added
          ? [node("Gather", ["table", "x"], ["h"], { axis }), node("Add", ["h", "b"], ["y"])]
          : [node("Gather", ["table", "x"], ["y"], { axis })],
      };
    }),
  concat: fc
    .record({ first: size, second: size, rows: size, axis: fc.constantFrom(0, 1) })
    .map(({ first, second, rows, axis }): ModelSpec => {
      const shape = (length: number): number[] => (axis === 0 ? [length, rows] : [rows, length]);
      return {
        opset: 13,
        inputs: { a: f32(...shape(first)), b: f32(...shape(second)) },
        outputs: { y: f32(...shape(first + second)) },
        nodes: [node("Concat", ["a", "b"], ["y"], { axis })],
      };
    }),
  "convolution, activation and pool": fc
    .record({
      channels: fc.integer({ min: 1, max: 3 }),
      filters: fc.integer({ min: 1, max: 4 }),
      side: fc.constantFrom(4, 6, 8),
      padded: fc.boolean(),
      stride: fc.constantFrom(1, 2),
    })
    .map(({ channels, filters, side, padded, stride }): ModelSpec => {
      const reach = padded ? 3 : 2;
      const out = Math.floor((side + (padded ? 2 : 0) - reach) / stride) + 1;
      return {
        opset: 13,
        inputs: { x: f32(1, channels, side, side) },
        outputs: { y: f32(1, filters, out, out) },
        initializers: { w: tensor(filters, channels, 3, 3), b: tensor(filters) },
        nodes: [
          node("Conv", ["x", "w", "b"], ["h"], { pads: [1, 1, 1, 1] }),
          node("Relu", ["h"], ["r"]),
          node("MaxPool", ["r"], ["y"], {
            kernel_shape: [reach, reach],
            strides: [stride, stride],
            pads: padded ? [1, 1, 1, 1] : [0, 0, 0, 0],
          }),
        ],
      };
    }),
  "products of one row": fc
    .record({
      k: fc.integer({ min: 2, max: 16 }),
      n: fc.integer({ min: 2, max: 16 }),
      m: fc.integer({ min: 2, max: 9 }),
    })
    .map(({ k, n, m }) => ({
      opset: 13,
      inputs: { x: f32(1, k) },
      outputs: { y: f32(1, m) },
      initializers: { w1: tensor(k, n), b1: tensor(n), w2: tensor(n, m) },
      nodes: [
        node("Gemm", ["x", "w1", "b1"], ["h"]),
        node("Sigmoid", ["h"], ["r"]),
        node("MatMul", ["r", "w2"], ["s"]),
        node("Softmax", ["s"], ["y"]),
      ],
    })),
  attention: fc
    .record({
      heads: fc.integer({ min: 1, max: 3 }),
      rows: fc.integer({ min: 1, max: 5 }),
      keys: fc.integer({ min: 2, max: 6 }),
      width: fc.integer({ min: 2, max: 4 }),
    })
    .map(({ heads, rows, keys, width }) => ({
      opset: 13,
      inputs: { q: f32(heads, rows, width), k: f32(heads, width, keys), v: f32(heads, keys, width) },
      outputs: { y: f32(heads, rows, width) },
      nodes: [
        node("MatMul", ["q", "k"], ["s"]),
        node("Softmax", ["s"], ["a"], { axis: -1 }),
        node("MatMul", ["a", "v"], ["y"]),
      ],
    })),
};

/** Kinds whose ops become one layer. */
const severalOps = new Set(["convolution, activation and pool", "products of one row", "attention", "rows of a table"]);

describe.each(Object.entries(kinds))("random layers: %s", (name, specs) => {
  it.each(layerings)("run as placed: %s", async (layering) => {
    let most = 0;
    await fc.assert(
      fc.asyncProperty(specs, grid, async (spec, { columns, rows }) => {
        most = Math.max(most, await holds(spec, smallTarget(columns, rows), layering));
      }),
      { numRuns: 12, seed: 14 },
    );
    if (layering !== "fused") expect(most > 1).toBe(layering !== "ops" && severalOps.has(name));
  });
});
