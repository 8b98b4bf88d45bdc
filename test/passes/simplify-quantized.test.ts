import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { simplifyExpr } from "../../compiler/passes/simplify-expr.ts";
import type { DType } from "../../ir/dtype.ts";
import { arg, binary, cast, type Expr, lit, unary } from "../../ir/expr.ts";
import { tensorFrom } from "../../ir/tensor.ts";
import { evaluateOp } from "../../runtime/reference/evaluate.ts";

const quantized = (to: DType, x: Expr, scale: number, zero: number): Expr => {
  const rounded = unary("round", binary("div", x, lit("f32", scale)));
  return cast(to, zero === 0 ? rounded : binary("add", rounded, lit("f32", zero)), true);
};
const dequantized = (x: Expr, scale: number, zero: number): Expr => {
  const integer = cast("f32", x);
  return binary("mul", zero === 0 ? integer : binary("sub", integer, lit("f32", zero)), lit("f32", scale));
};

describe("casts of quantized models", () => {
  it("a byte that is dequantized and quantized by the same scale stays", () => {
    fc.assert(
      fc.property(fc.constantFrom<DType>("u8", "i8"), fc.double({ min: 1e-6, max: 1e4, noNaN: true }), fc.integer({ min: -128, max: 255 }), (to, scale, zero) => {
        const s = Math.fround(scale);
        expect(simplifyExpr(quantized(to, dequantized(arg(3), s, zero), s, zero), ["f32", "f32", "f32", to])).toEqual(arg(3));
      }),
    );
  }); // prettier-ignore

  it("other scales, zero points and types change bytes", () => {
    const change = (expr: Expr, from: DType): unknown => simplifyExpr(expr, [from, from]).op;
    expect(change(quantized("u8", dequantized(arg(0), 0.5, 3), 0.501, 3), "u8")).toBe("cast");
    expect(change(quantized("u8", dequantized(arg(0), 0.5, 3), 0.5, 4), "u8")).toBe("cast");
    expect(change(quantized("u8", dequantized(arg(0), 0.5, 0), 0.5, 0), "i8")).toBe("cast");
    expect(change(quantized("u8", binary("add", dequantized(arg(0), 0.5, 0), dequantized(arg(1), 0.5, 0)), 0.5, 0), "u8")).toBe("cast"); // prettier-ignore
  });

  it("a clamp before saturation goes where it does nothing, and the values stay", () => {
    const relu = binary("max", arg(0), lit("f32", 0));
    const x = tensorFrom("f32", [9], [-3, -0.4, -0, 0.4, 2.5, 300, Infinity, -Infinity, NaN]);
    const valuesOf = (expr: Expr): unknown => evaluateOp({ kind: "map", inputs: [0], expr }, [x])[0];
    for (const to of ["u8", "i8", "u16"] as const) {
      for (const zero of [0, 3]) {
        for (const scale of [0.3, -0.3]) {
          const expr = quantized(to, relu, scale, zero);
          const simplified = simplifyExpr(expr, ["f32"]);
          expect(valuesOf(simplified)).toEqual(valuesOf(expr));
          const isGone = !JSON.stringify(simplified).includes("max");
          expect(isGone).toBe(to !== "i8" && zero === 0 && scale > 0);
        }
      }
    }
  });

  it("casts through a type that holds all values are one cast", () => {
    const through = (from: DType, over: DType, to: DType): Expr => simplifyExpr(cast(to, cast(over, arg(0))), [from]);
    expect(through("u8", "i32", "i16")).toEqual(cast("i16", arg(0)));
    expect(through("u8", "i16", "u8")).toEqual(arg(0));
    expect(through("i32", "u8", "i16")).toEqual(cast("i16", cast("u8", arg(0))));
    expect(through("i8", "u8", "i32")).toEqual(cast("i32", cast("u8", arg(0))));
    expect(through("u8", "i32", "f32")).toEqual(cast("f32", cast("i32", arg(0))));
  });
});
