import { describe, expect, it } from "@jest/globals";
import { roundOperands } from "../../compiler/passes/round-operands.ts";
import { GraphBuilder } from "../../ir/builder.ts";
import { arg, binary } from "../../ir/expr.ts";
import { tensorType } from "../../ir/graph.ts";
import { printGraph } from "../../ir/print.ts";
import { fromFloat32, toFloat32 } from "../../ir/small-float.ts";
import { verifyGraph } from "../../ir/verify.ts";
import { interpretGraph } from "../../runtime/reference/interpret.ts";

const tensorOf = (elements: Float32Array) => ({ dtype: "f32" as const, shape: [elements.length], elements });

const third = Math.fround(1 / 3);

/** y = x + w, z = y * y, with a constant w that 16 bits do not hold. */
function sample() {
  const builder = new GraphBuilder("sum");
  const x = builder.input("x", tensorType("f32", [3]));
  const w = builder.constant({ dtype: "f32", shape: [3], elements: Float32Array.of(third, third, 1) });
  const y = builder.emitOne({ kind: "map", inputs: [x, w], expr: binary("add", arg(0), arg(1)) }, { origin: ["add"] });
  const z = builder.emitOne({ kind: "map", inputs: [y], expr: binary("mul", arg(0), arg(0)) }, { origin: ["square"] });
  builder.output("z", z);
  return builder.finish();
}

describe("rounding operands", () => {
  it.each(["f16", "bf16"] as const)("gives what arithmetic in f32 over %s values gives", (precision) => {
    const graph = roundOperands(sample(), precision);
    expect(verifyGraph(graph)).toEqual([]);
    const round = (values: readonly number[]): number[] => [
      ...toFloat32(precision, fromFloat32(precision, Float32Array.from(values))),
    ];
    const x = [0.1, 1000.7, -3];
    const rounded = round(x);
    const weights = round([third, third, 1]);
    const sums = round(rounded.map((value, index) => Math.fround(value + (weights[index] ?? 0))));
    const expected = round(sums.map((value) => Math.fround(value * value)));
    const given = tensorOf(Float32Array.from(x));
    expect(interpretGraph(graph, new Map([["x", given]]))).toEqual(
      new Map([["z", tensorOf(Float32Array.from(expected))]]),
    );
  });

  it("leaves graphs alone in f32", () => {
    const graph = sample();
    expect(roundOperands(graph, "f32")).toBe(graph);
  });

  it("rounds constants while it is made, and every value once", () => {
    const text = printGraph(roundOperands(sample(), "f16"));
    // x, the sum and the square
    expect(text.match(/f16/g)?.length).toBe(3);
  });
});
