import { describe, expect, it } from "@jest/globals";
import { unsignedBytes } from "../../compiler/passes/unsigned-bytes.ts";
import { parseGraph } from "../../ir/parse.ts";
import { expectPasses } from "./pass-case.ts";

const quantize = (point: string): string => `cast<i8, saturate>(add(round(div($0, 0.02:f32)), ${point}:f32))`;
const pool = `{fn = max, layout = nchw, kernel = [2,2], strides = [1,1], dilations = [1,1], padsBegin = [0,0], padsEnd = [1,1], outputSpatial = [3,3], countPadding = false, p = 0}`;

/** A quantized value and somebody that reads it. */
const reading = (reader: string, point = "-128"): string => `graph "reading" {
  %0 = input "x" : f32[1,2,3,3]
  %1 = map(%0) { ${quantize(point)} } : i8[1,2,3,3] from "q"
  ${reader}
  %3 = map(%1) { mul(sub(cast<f32>($0), ${point}:f32), 0.02:f32) } : f32[1,2,3,3] from "d"
  output "y" = %2
  output "z" = %3
}
`;

describe("unsigned-bytes", () => {
  it("takes the least zero point out of bytes, through poolings and movements", () => {
    const after = expectPasses(
      [unsignedBytes],
      `graph "bytes" {
  %0 = input "x" : f32[1,2,3,3]
  %1 = map(%0) { ${quantize("-128")} } : i8[1,2,3,3] from "a"
  %2 = pool(%1) ${pool} : i8[1,2,3,3] from "b"
  %3 = transpose(%2) {perm = [0,2,3,1]} : i8[1,3,3,2] from "c"
  %4 = reshape(%3) {shape = [9,2]} : i8[9,2] from "d"
  %5 = map(%4) { cast<i16>(sub(cast<i32>($0), -128:i32)) } : i16[9,2] from "e"
  %6 = map(%1, %1) { cast<i8, saturate>(add(round(div(add(mul(sub(cast<f32>($0), -128:f32), 0.02:f32), sub(cast<f32>($1), -128:f32)), 3:f32)), -128:f32)) } : i8[1,2,3,3] from "f"
  %7 = map(%6) { mul(sub(cast<f32>($0), -128:f32), 0.5:f32) } : f32[1,2,3,3] from "g"
  output "e" = %5
  output "g" = %7
}
`,
      "unsigned-bytes",
      0,
    );
    const dtypes = after.values.map(({ type }) => (type.kind === "tensor" ? type.dtype : ""));
    expect(dtypes).not.toContain("i8");
  });

  it.each<readonly [string, string]>([
    ["that are results", reading(`%2 = reshape(%1) {shape = [18]} : i8[18] from "r"`)],
    ["that are read with their zero point", reading(`%2 = map(%1) { cast<f32>($0) } : f32[1,2,3,3] from "r"`)],
    ["that are read both ways by one map", reading(`%2 = map(%1) { add(cast<f32>($0), sub(cast<f32>($0), -128:f32)) } : f32[1,2,3,3] from "r"`)],
    ["that other ops read", reading(`%2 = reduce(%1) {fn = max, axes = [1], keepDims = true} : i8[1,1,3,3] from "r"`)],
    ["with another zero point", reading(`%2 = map(%1) { sub(cast<f32>($0), -127:f32) } : f32[1,2,3,3] from "r"`, "-127")],
  ])("leaves bytes alone %s", (_, text) => {
    const graph = parseGraph(text);
    expect(unsignedBytes.run(graph)).toBe(graph);
  }); // prettier-ignore
});
