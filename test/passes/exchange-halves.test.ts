import { describe, expect, it } from "@jest/globals";
import { parseGraph } from "../../ir/parse.ts";
import { exchangeHalves } from "../../compiler/passes/exchange-halves.ts";
import { pipeline } from "../../compiler/passes/pipeline.ts";
import { expectPasses } from "./pass-case.ts";

/** x * cos + (a, b) * sin, where a and b are halves of x as the lines make them. */
const rotary = (parts: string, joined: string): string => `graph "rotary" {
  %0 = input "x" : f32[2,3,8]
  %1 = input "cos" : f32[3,8]
  %2 = input "sin" : f32[1,1,8]
${parts}
  %6 = concat(${joined}) {axis = 2} : f32[2,3,8] from "Concat"
  %7 = map(%0, %1) { mul($0, $1) } : f32[2,3,8] from "Mul"
  %8 = map(%6, %2) { mul($0, $1) } : f32[2,3,8] from "Mul_1"
  %9 = map(%7, %8) { add($0, $1) } : f32[2,3,8] from "Add"
  output "y" = %9
}
`;
const slice = (id: number, start: number, size: number): string =>
  `  %${id} = slice(%0) {starts = [0,0,${start}], sizes = [2,3,${size}], steps = [1,1,1]} : f32[2,3,${size}] from "Slice"`;
const negated = (id: number, of: number, size: number): string =>
  `  %${id} = map(%${of}) { neg($0) } : f32[2,3,${size}] from "Neg"`;

describe("exchange-halves", () => {
  it("makes a rotary embedding one map", () => {
    const text = rotary([slice(3, 0, 4), slice(4, 4, 4), negated(5, 4, 4)].join("\n"), "%5, %3");
    const after = expectPasses(pipeline, text, "exchange-halves");
    expect(after.ops.filter(({ kind }) => kind === "map")).toHaveLength(1);
    expect(after.ops.some(({ kind }) => kind === "concat")).toBe(false);
  });

  it("keeps the signs that halves have", () => {
    const plain = rotary([slice(3, 0, 4), slice(4, 4, 4), negated(5, 3, 4)].join("\n"), "%4, %5");
    expectPasses([exchangeHalves], plain, "exchange-halves-signs");
  });

  it.each([
    ["parts of other sizes", [slice(3, 0, 3), slice(4, 3, 5), negated(5, 4, 5)], "%5, %3"],
    ["halves in place", [slice(3, 0, 4), slice(4, 4, 4), negated(5, 3, 4)], "%5, %4"],
    ["one half twice", [slice(3, 4, 4), slice(4, 4, 4), negated(5, 4, 4)], "%5, %3"],
  ])("leaves %s alone", (_, parts, joined) => {
    const graph = parseGraph(rotary(parts.join("\n"), joined));
    expect(exchangeHalves.run(graph)).toBe(graph);
  });
});
