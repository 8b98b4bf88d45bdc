/** Sessions over models with open dims: after the second shape nothing is compiled, memory stays, results are those of sessions for one shape. */
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { InferenceSession, Tensor } from "../../runtime/index.ts";
import { modelRunner } from "../../runtime/runner.ts";
import { loadCompiler } from "../../runtime/model-compiler.ts";
import { type TensorData, tensorFrom } from "../../ir/tensor.ts";
import { f32, i64, ints, modelBytes, node } from "../helpers/onnx-builder.ts";
import { relativeError } from "../helpers/oracle.ts";
import { cases, type Sizes } from "./cases.ts";

const tensors = (feeds: Record<string, TensorData>): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, shape, elements }]) => [
      name,
      new Tensor(dtype === "i64" ? "int64" : "float32", elements as Float32Array, shape),
    ]),
  );

/** Counts compilations of WebAssembly, whichever way. */
function countCompilations(): () => number {
  const spies = [
    jest.spyOn(WebAssembly, "Module"),
    jest.spyOn(WebAssembly, "compile"),
    jest.spyOn(WebAssembly, "instantiate"),
  ];
  return () => spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
}

afterEach(() => {
  jest.restoreAllMocks();
});

const shapes: Readonly<Record<string, readonly Sizes[]>> = {
  perceptron: [{ batch: 1 }, { batch: 4 }, { batch: 2 }, { batch: 61 }, { batch: 7 }, { batch: 2 }],
  encoder: [
    { batch: 2, seq: 3 },
    { batch: 2, seq: 7 },
    { batch: 3, seq: 4 },
    { batch: 2, seq: 33 },
    { batch: 5, seq: 2 },
  ],
  residual: [
    { batch: 2, height: 20, width: 33 },
    { batch: 3, height: 9, width: 12 },
    { batch: 2, height: 40, width: 70 },
    { batch: 4, height: 5, width: 200 },
  ],
  deep: [
    { batch: 2, height: 9, width: 11 },
    { batch: 2, height: 2, width: 3 },
    { batch: 3, height: 40, width: 31 },
    { batch: 2, height: 5, width: 64 },
  ],
  mobile: [
    { batch: 2, height: 9, width: 11 },
    { batch: 2, height: 12, width: 30 },
    { batch: 5, height: 6, width: 6 },
  ],
  pyramid: [
    { batch: 1, height: 8, width: 12 },
    { batch: 1, height: 16, width: 8 },
    { batch: 1, height: 32, width: 40 },
    { batch: 1, height: 12, width: 100 },
  ],
  "decoder from nothing": [
    { batch: 2, seq: 3, past: 0 },
    { batch: 2, seq: 2, past: 0 },
    { batch: 3, seq: 6, past: 0 },
  ],
  "decoder token by token": [3, 4, 5, 6, 7, 20].map((past) => ({ batch: 1, seq: 1, past })),
  "decoder with a mask": [
    { batch: 2, seq: 3, past: 4 },
    { batch: 2, seq: 2, past: 7 },
    { batch: 3, seq: 5, past: 20 },
  ],
  "decoder with a mask token by token": [3, 4, 5, 6, 7, 20].map((past) => ({ batch: 1, seq: 1, past })),
  decoder: [
    { batch: 2, seq: 3, past: 4 },
    { batch: 2, seq: 2, past: 7 },
    { batch: 2, seq: 3, past: 9 },
    { batch: 3, seq: 5, past: 20 },
  ],
};

describe.each(Object.entries(cases))("%s", (name, one) => {
  test("compiles for the first shape and for the second, and equals sessions of one shape", async () => {
    const bytes = await modelBytes(one.model);
    const session = await InferenceSession.create(bytes);
    const compilations = countCompilations();
    const counts: number[] = [];
    for (const sizes of shapes[name] ?? []) {
      const feeds = tensors(one.feeds(sizes));
      const before = compilations();
      const results = await session.run(feeds);
      counts.push(compilations() - before);
      const alone = await InferenceSession.create(bytes);
      const expected = await alone.run(feeds);
      await alone.release();
      for (const [output, { data, dims }] of Object.entries(expected)) {
        expect(results[output]?.dims).toEqual(dims);
        expect(relativeError(results[output]?.data as Float32Array, data as Float32Array)).toBeLessThan(1e-5);
      }
    }
    const [first, second, ...others] = counts;
    expect([first, second].every((count) => count !== undefined && count > 0)).toBe(true);
    expect(others).toEqual(others.map(() => 0));
    await session.release();
  });
});

test("memory grows to the largest shape's need, and not with the number of shapes", async () => {
  const { model, feeds } = cases["encoder"] as NonNullable<(typeof cases)[string]>;
  const session = await InferenceSession.create(await modelBytes(model));
  const grow = jest.spyOn(WebAssembly.Memory.prototype, "grow");
  for (const seq of [2, 3, 39]) await session.run(tensors(feeds({ batch: 40, seq })));
  expect(grow.mock.calls.length).toBeGreaterThan(0);
  grow.mockClear();
  for (let seq = 2; seq < 39; seq++) await session.run(tensors(feeds({ batch: 40, seq })));
  expect(grow.mock.calls).toEqual([]);
  await session.release();
});

describe("models that cannot be compiled with open dims", () => {
  const strange = {
    opset: 13,
    inputs: { x: f32("batch", 3) },
    outputs: { y: f32("batch", 3) },
    nodes: [node("CumSum", ["x", "axis"], ["y"])],
    initializers: { axis: tensorFrom("i64", [], [1]) },
  };

  test("are compiled for each shape, and the reason is told", async () => {
    const model = await (await loadCompiler()).open(await modelBytes(strange), {});
    const runner = await modelRunner(model, {});
    for (const batch of [1, 4, 2, 7]) {
      const values = Array.from({ length: 3 * batch }, (_, i) => i + 1);
      const { y } = Object.fromEntries(
        await runner.run({ values: new Map([["x", tensorFrom("f32", [batch, 3], values)]]), owned: true }),
      );
      const sums = values.map((value, i) => value + (i % 3 > 0 ? value - 1 : 0) + (i % 3 > 1 ? value - 2 : 0));
      expect(Array.from((y as TensorData).elements as Float32Array)).toEqual(sums);
    }
    expect(runner.open?.count).toBe(0);
    expect(runner.open?.reason).toContain('"CumSum_0": it asks for the numbers of [batch,3]');
  });
});

test("sizes beyond 32 bits are computed for the shape alone", async () => {
  const large = {
    opset: 13,
    inputs: { x: f32("n") },
    outputs: { y: i64(1) },
    nodes: [node("Shape", ["x"], ["shape"]), node("Mul", ["shape", "factor"], ["y"])],
    initializers: { factor: ints(600_000_000) },
  };
  const session = await InferenceSession.create(await modelBytes(large));
  for (const n of [2, 3, 4, 7, 3]) {
    const { y } = await session.run({ x: new Tensor("float32", new Float32Array(n), [n]) });
    expect(Array.from(y?.data as BigInt64Array)).toEqual([BigInt(n) * 600_000_000n]);
  }
  await session.release();
});
