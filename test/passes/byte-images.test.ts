import { describe, it, expect } from "@jest/globals";
import { byteImages } from "../../compiler/passes/byte-images.ts";
import { expectPasses } from "./pass-case.ts";

const attributes = (strides: string, pads: string): string =>
  `{layout = nhwc, strides = ${strides}, dilations = [1,1], padsBegin = ${pads}, padsEnd = ${pads}, groups = 1}`;
const one = attributes("[1,1]", "[0,0]");

describe("byte-images", () => {
  it("gives convolutions of one tap the bytes, and keeps widened images for others", () => {
    const after = expectPasses(
      [byteImages],
      `graph "bytes" {
  %0 = input "x" : u8[1,4,4,2]
  %1 = input "y" : f32[1,4,4,2]
  %2 = input "w1" : i8[1,1,2,3]
  %3 = input "w3" : i8[3,3,2,3]
  %4 = map(%0) { cast<i16>($0) } : i16[1,4,4,2] from "a"
  %5 = conv(%4, %2) ${one} : i32[1,4,4,3] from "b"
  %6 = conv(%4, %3) ${attributes("[1,1]", "[1,1]")} : i32[1,4,4,3] from "c"
  %7 = map(%1) { cast<i16>(cast<u8, saturate>(mul($0, 3:f32))) } : i16[1,4,4,2] from "d"
  %8 = conv(%7, %2) ${one} : i32[1,4,4,3] from "e"
  %9 = conv(%7, %2) ${attributes("[2,2]", "[0,0]")} : i32[1,2,2,3] from "f"
  %10 = map(%1) { cast<i16>(cast<u8, saturate>(mul($0, 5:f32))) } : i16[1,4,4,2] from "g"
  %11 = conv(%10, %2) ${one} : i32[1,4,4,3] from "h"
  %12 = conv(%10, %3) ${attributes("[1,1]", "[1,1]")} : i32[1,4,4,3] from "i"
  output "b" = %5
  output "c" = %6
  output "e" = %8
  output "f" = %9
  output "h" = %11
  output "i" = %12
}
`,
      "byte-images",
      0,
    );
    expect(after.ops.filter((op) => op.kind === "map")).toHaveLength(3);
  });

  it("leaves values alone that somebody else needs widened, and operands that are no bytes", () => {
    const text = `graph "others" {
  %0 = input "x" : u8[1,4,4,2]
  %1 = input "w" : i8[1,1,2,3]
  %2 = map(%0) { sub(cast<i16>($0), 3:i16) } : i16[1,4,4,2] from "a"
  %3 = conv(%2, %1) ${one} : i32[1,4,4,3] from "b"
  output "b" = %3
}
`;
    expectPasses([byteImages], text, "byte-images-none", 0);
  });
});
