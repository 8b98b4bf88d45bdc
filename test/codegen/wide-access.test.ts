import { describe, it } from "@jest/globals";
import fc from "fast-check";
import { emitMap } from "../../compiler/codegen/kernels/map.ts";
import type { DType } from "../../ir/dtype.ts";
import { arg, binary, cast, type Expr, lit, select, unary } from "../../ir/expr.ts";
import type { OpSpec } from "../../ir/graph.ts";
import { expectLikeReference, randomSource, randomTensor } from "./run-kernel.ts";

const mapOf = (expr: Expr, inputs: number): OpSpec => ({
  kind: "map",
  expr,
  inputs: Array.from({ length: inputs }, (_, i) => i),
});

const types: readonly DType[] = ["f32", "f64", "i64", "u64", "i32", "u32", "i16", "u8", "bool", "f16"];
const dtype = fc.constantFrom(...types);

describe("casts at loads and stores", () => {
  it.each(["f32", "f64"] as const)("of expressions of %s over operands of any types, to any type", (inner) => {
    const shapes = fc.constantFrom([1], [3], [7], [16], [21], [2, 19], [3, 33]);
    const kinds = fc.constantFrom("varies" as const, "one" as const);
    fc.assert(
      fc.property(
        dtype,
        dtype,
        dtype,
        shapes,
        kinds,
        fc.boolean(),
        fc.nat(),
        (x, y, to, shape, kind, saturate, seed) => {
          const random = randomSource(seed);
          const operands = [
            randomTensor(x, shape, random),
            randomTensor(y, kind === "one" ? [1] : shape, random),
            randomTensor("bool", shape, random),
          ];
          const [first, second] = [cast(inner, arg(0), saturate), cast(inner, arg(1))];
          const sum = binary("add", first, unary("abs", second));
          const picked = select(arg(2), sum, binary("mul", first, lit(inner, 0.5)));
          const compared = binary("lt", first, second);
          for (const expr of [picked, cast(to, picked, saturate), cast(to, compared), cast(to, arg(0), saturate)]) {
            expectLikeReference(emitMap, mapOf(expr, 3), operands);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it("reads an operand as it is and cast", () => {
    const random = randomSource(1);
    for (const length of [1, 2, 9, 40]) {
      const x = randomTensor("f64", [length], random);
      expectLikeReference(emitMap, mapOf(cast("f64", cast("f32", arg(0))), 1), [x]);
      expectLikeReference(emitMap, mapOf(binary("sub", arg(0), cast("f64", cast("i32", arg(0)))), 1), [x]);
    }
  });
});
