import { describe, expect, it } from "@jest/globals";
import { parseGraph } from "../../ir/parse.ts";
import { type IntegerRange, rangeOfValue } from "../../compiler/codegen/value-range.ts";

/** The range of a graph's output. */
function rangeOf(...lines: readonly string[]): IntegerRange | null {
  const graph = parseGraph(`graph "g" {\n${lines.map((line) => `  ${line}`).join("\n")}\n}\n`);
  return rangeOfValue(graph, graph.outputs[0]?.value ?? -1);
}

const input = `%0 = input "x" : f32[2,4]`;
const quantized = `cast<u8, saturate>(round($0))`;

describe("the range of a value", () => {
  it.each<readonly [string, string, IntegerRange | null]>([
    [`cast<i16>(sub(cast<i32>(${quantized}), 117:i32))`, "i16", { low: -117, high: 138 }],
    [`cast<i16>(sub(7:i32, cast<i32>(${quantized})))`, "i16", { low: -248, high: 7 }],
    [`add(cast<i32>(${quantized}), cast<i32>(cast<i8, saturate>($0)))`, "i32", { low: -128, high: 382 }],
    [`min(cast<i32>(${quantized}), 100:i32)`, "i32", { low: 0, high: 100 }],
    [`max(cast<i32>(cast<i8, saturate>($0)), 0:i32)`, "i32", { low: 0, high: 127 }],
    [`select(lt($0, 0:f32), cast<i32>(${quantized}), -3:i32)`, "i32", { low: -3, high: 255 }],
    // what leaves a type wraps, and may be anything in it
    [`cast<i8>(cast<i32>(${quantized}))`, "i8", { low: -128, high: 127 }],
    [`sub(${quantized}, 1:u8)`, "u8", { low: 0, high: 255 }],
    [`mul(cast<i32>(${quantized}), 2:i32)`, "i32", { low: -(2 ** 31), high: 2 ** 31 - 1 }],
    [`round($0)`, "f32", null],
    [`cast<i64>($0)`, "i64", null],
  ])("of %s", (expr, dtype, expected) => {
    expect(rangeOf(input, `%1 = map(%0) { ${expr} } : ${dtype}[2,4] from "a"`, `output "y" = %1`)).toEqual(expected);
  });

  it("of elements is that of their dtype, of constants theirs", () => {
    expect(rangeOf(`%0 = input "x" : i16[3]`, `output "y" = %0`)).toEqual({ low: -32768, high: 32767 });
    const zero = `%1 = constant [-7, 12, 3] : i16[3]`;
    const map = `%2 = map(%0, %1) { sub(cast<i32>($0), cast<i32>($1)) } : i32[3] from "a"`;
    expect(rangeOf(`%0 = input "x" : u8[3]`, zero, map, `output "y" = %2`)).toEqual({ low: -12, high: 262 });
  });

  it("goes through movements and epilogues", () => {
    const made = `%1 = map(%0) { cast<i16>(cast<i32>(${quantized})) } : i16[2,4] from "a"`;
    const moved = `%2 = transpose(%1) {perm = [1,0]} : i16[4,2] from "b"`;
    const shaped = `%3 = reshape(%2) {shape = [8]} : i16[8] from "c"`;
    expect(rangeOf(input, made, moved, shaped, `output "y" = %3`)).toEqual({ low: 0, high: 255 });
    const product = `%1 = matmul(%0, %0) {transposeA = false, transposeB = true} epilogue cast<i16>(sub(cast<i32>(${quantized}), 3:i32)) : i16[2,2] from "d"`;
    expect(rangeOf(input, product, `output "y" = %1`)).toEqual({ low: -3, high: 252 });
  });
});
