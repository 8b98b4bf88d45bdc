import { describe, expect, it } from "@jest/globals";
import { tensorFrom } from "../../ir/tensor.ts";
import { floats, vectorForms, worstError } from "./accuracy.ts";
import { hasRelaxedSimd } from "../../runtime/engine.ts";

const isRelaxed = hasRelaxedSimd();
if (!isRelaxed) console.warn("this engine has no relaxed SIMD: its forms of the functions are not tested");

describe("f32 functions with fused multiply-add", () => {
  (isRelaxed ? it.each(vectorForms) : it.skip.each(vectorForms))(
    "%s over [%d, %d] within %d",
    (fn, low, high, bound) => {
      const values = floats(low, high, 20_000);
      const { error, at } = worstError(fn, tensorFrom("f32", [values.length], values), true);
      expect(error > bound ? `${error} at ${at}` : "").toBe("");
    },
  );
});
