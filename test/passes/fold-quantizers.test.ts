import { describe, expect, it } from "@jest/globals";
import { canonicalize } from "../../compiler/passes/canonicalize.ts";
import { foldQuantizers } from "../../compiler/passes/fold-quantizers.ts";
import { parseGraph } from "../../ir/parse.ts";
import { expectPasses } from "./pass-case.ts";

/** A map over an image of integers, factors for its two channels, and another image. */
const mapping = (expr: string): string => `graph "mapping" {
  %0 = input "sums" : i32[1,2,2,2]
  %1 = input "other" : u8[1,2,2,2]
  %2 = constant [0.3, 0.7] : f32[1,1,1,2]
  %3 = constant [0.1, -0.2] : f32[1,1,1,2]
  %4 = constant [0.0, 1.0e-37] : f32[1,1,1,2]
  %5 = map(%0, %1, %2, %3, %4) { ${expr} } : u8[1,2,2,2] from "q"
  output "q" = %5
}
`;

const scaled = "add(mul(cast<f32>($0), $2), $3)";

describe("fold-quantizers", () => {
  it("divides scale and shift of a sum, and what is clamped to a literal", () => {
    const text = mapping(`cast<u8, saturate>(add(round(div(min(${scaled}, 6:f32), 0.05:f32)), 3:f32))`);
    expectPasses([foldQuantizers, canonicalize], text, "fold-quantizers-sum", 0);
  });

  it("goes on to quantizers inside, on both sides of a residual", () => {
    const inner = `sub(cast<f32>(cast<u8, saturate>(add(round(div(${scaled}, 0.04:f32)), 117:f32))), 117:f32)`;
    const sum = `add(mul(${inner}, 0.04:f32), mul(cast<f32>($1), 0.02:f32))`;
    expectPasses([foldQuantizers, canonicalize], mapping(`cast<u8, saturate>(round(div(${sum}, 0.03:f32)))`), "fold-quantizers-residual", 0);
  }); // prettier-ignore

  it.each<readonly [string, string]>([
    ["of what has no constant factor", "cast<u8, saturate>(round(div(cast<f32>($0), 0.05:f32)))"],
    ["of a sum with such a part", `cast<u8, saturate>(round(div(add(${scaled}, cast<f32>($1)), 0.05:f32)))`],
    ["by a negative number", `cast<u8, saturate>(round(div(${scaled}, -0.05:f32)))`],
    ["by what varies", `cast<u8, saturate>(round(div(${scaled}, $3)))`],
    ["that is not rounded", `cast<u8, saturate>(div(${scaled}, 0.05:f32))`],
    ["with quotients too small for all digits", "cast<u8, saturate>(round(div(mul(cast<f32>($0), $4), 100:f32)))"],
    ["with quotients too large", "cast<u8, saturate>(round(div(mul(cast<f32>($0), 1.0e30:f32), 1.0e-10:f32)))"],
  ])("leaves a division %s", (_, expr) => {
    const graph = parseGraph(mapping(expr));
    expect(foldQuantizers.run(graph)).toBe(graph);
  });
});
