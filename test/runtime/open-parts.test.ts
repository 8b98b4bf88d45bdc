/** Parts that wait for shapes which change: the body of a Loop that grows a value is compiled twice, not in each iteration. */
import { afterEach, describe, expect, it, jest } from "@jest/globals";
import { modelCompiler } from "../../compiler/session-compiler.ts";
import { tensorFrom } from "../../ir/tensor.ts";
import type { ModelCompiler } from "../../runtime/model-compiler.ts";
import { openDims } from "../../runtime/open-parts.ts";
import { InferenceSession } from "../../runtime/session.ts";
import { Tensor } from "../../runtime/tensor.ts";
import { bool, f32, graph, i64, ints, modelBytes, type ModelSpec, node } from "../helpers/onnx-builder.ts";

type OpenCompiler = { [K in keyof ModelCompiler]: NonNullable<ModelCompiler[K]> };

afterEach(() => {
  jest.restoreAllMocks();
});

/** Each iteration appends what the last row finds in all rows: softmax(last rows') rows. */
const attending: ModelSpec = {
  opset: 17,
  inputs: { trips: i64(), x: f32(1, 3) },
  outputs: { y: f32("n", 3) },
  nodes: [
    node("Loop", ["trips", "", "x"], ["y"], {
      body: graph({
        inputs: { i: i64(), go: bool(), rows: f32("n", 3) },
        outputs: { go_on: bool(), more: f32("m", 3) },
        nodes: [
          node("Identity", ["go"], ["go_on"]),
          node("Slice", ["rows", "last", "end", "axis"], ["query"]),
          node("Transpose", ["rows"], ["keys"], { perm: [1, 0] }),
          node("MatMul", ["query", "keys"], ["scores"]),
          node("Softmax", ["scores"], ["shares"]),
          node("MatMul", ["shares", "rows"], ["found"]),
          node("Add", ["found", "step"], ["row"]),
          node("Concat", ["rows", "row"], ["more"], { axis: 0 }),
        ],
        initializers: {
          last: ints(-1),
          end: ints(2 ** 31),
          axis: ints(0),
          step: tensorFrom("f32", [3], [0.1, 0, -0.1]),
        },
      }),
    }),
  ],
};

function attended(first: readonly number[], trips: number): number[] {
  const rows = [[...first]];
  for (let i = 0; i < trips; i++) {
    const query = rows.at(-1) ?? [];
    const scores = rows.map((row) => Math.exp(row.reduce((sum, x, j) => sum + x * (query[j] as number), 0)));
    const total = scores.reduce((sum, x) => sum + x, 0);
    const mean = (j: number): number =>
      rows.reduce((sum, row, r) => sum + ((row[j] as number) * (scores[r] as number)) / total, 0);
    rows.push([mean(0) + 0.1, mean(1), mean(2) - 0.1]);
  }
  return rows.flat();
}

describe("a loop that grows a value", () => {
  it("is compiled for its first shapes and once for all others, whatever the number of iterations", async () => {
    const closed = jest.spyOn(modelCompiler, "compileFragment");
    const open = jest.spyOn(modelCompiler as OpenCompiler, "compileOpenFragment");
    const session = await InferenceSession.create(await modelBytes(attending), { logSeverityLevel: 4 });
    const first = [0.5, -0.25, 1];
    for (const trips of [40, 3, 60]) {
      const { y } = await session.run({
        trips: new Tensor("int64", [BigInt(trips)], []),
        x: new Tensor("float32", first, [1, 3]),
      });
      expect(y?.dims).toEqual([trips + 1, 3]);
      const expected = attended(first, trips);
      expect(Math.max(...expected.map((value, i) => Math.abs(value - Number(y?.data[i]))))).toBeLessThan(1e-4);
    }
    expect(closed.mock.calls.length).toBeLessThanOrEqual(2);
    expect(open.mock.calls.length).toBeLessThanOrEqual(2);
  });
});

describe("openDims", () => {
  it("keeps what has always been the same, and names what has always been equal alike", () => {
    const shapes = (n: number, m: number) => [[n, 4, m], [], [n + 1, n], [m]];
    expect(openDims([shapes(2, 7), shapes(3, 7)])).toEqual([["changing0", 4, 7], [], ["changing1", "changing0"], [7]]);
    expect(openDims([shapes(2, 7), shapes(3, 7), shapes(3, 8)])).toEqual([
      ["changing0", 4, "changing1"],
      [],
      ["changing2", "changing0"],
      ["changing1"],
    ]);
    expect(openDims([[[2]], [[2, 1]]])).toBeNull();
    expect(openDims([])).toBeNull();
  });
});
