import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { shareJoined } from "../../compiler/passes/share-joined.ts";
import { GraphBuilder } from "../../ir/builder.ts";
import { tensorType } from "../../ir/graph.ts";
import { verifyGraph } from "../../ir/verify.ts";
import { expectPasses, expectSameMeaning } from "./pass-case.ts";

describe("share-joined", () => {
  it("joins each value of a dense block once, and leaves other axes alone", () => {
    expectPasses(
      [shareJoined],
      `graph "dense" {
  %0 = input "a" : f32[1,2,2]
  %1 = input "b" : f32[1,2,3]
  %2 = input "c" : f32[1,2,2]
  %3 = concat(%0, %1) {axis = 2} : f32[1,2,5] from "two"
  %4 = concat(%0, %1, %2) {axis = 2} : f32[1,2,7] from "three"
  %5 = concat(%2, %0, %1, %2, %0, %1) {axis = 2} : f32[1,2,14] from "twice"
  %6 = concat(%0, %0) {axis = 1} : f32[1,4,2] from "rows"
  %7 = concat(%0, %0, %2) {axis = 2} : f32[1,2,6] from "columns"
  output "two" = %3
  output "three" = %4
  output "twice" = %5
  output "rows" = %6
  output "columns" = %7
}
`,
      "share-joined",
    );
  });

  it("means the same for any concats, and joins no value of a growing list twice", () => {
    const picks = fc.array(fc.nat(3), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.array(picks, { minLength: 2, maxLength: 6 }), (lists) => {
        const builder = new GraphBuilder("joins");
        const values = [1, 2, 3, 1].map((size, i) => builder.input(`x${i}`, tensorType("f32", [2, size])));
        for (const [i, list] of lists.entries()) {
          const inputs = list.map((pick) => values[pick] ?? 0);
          builder.output(`y${i}`, builder.emitOne({ kind: "concat", inputs, axis: 1 }, { origin: [`join${i}`] }));
        }
        const graph = builder.finish();
        const after = shareJoined.run(graph);
        expect(verifyGraph(after)).toEqual([]);
        expectSameMeaning(graph, after, 0);
      }),
      { numRuns: 50, seed: 13 },
    );
  });

  it("makes a dense block's edges grow with its layers, not with their square", () => {
    const builder = new GraphBuilder("block");
    const layers = Array.from({ length: 12 }, (_, i) => builder.input(`x${i}`, tensorType("f32", [2, 1])));
    for (let last = 2; last <= layers.length; last++) {
      const inputs = layers.slice(0, last);
      builder.output(`y${last}`, builder.emitOne({ kind: "concat", inputs, axis: 1 }, { origin: ["join"] }));
    }
    const after = shareJoined.run(builder.finish());
    expect(after.ops.map(({ inputs }) => inputs.length)).toEqual(after.ops.map(() => 2));
  });
});
