import { describe, expect, it } from "@jest/globals";
import {
  columnProgram,
  productAt,
  productConstants,
  productRegion,
} from "../../compiler/fabric/collectives/product.ts";
import { wse2 } from "../../compiler/targets/wse2.ts";
import { simulatedProducts } from "../../compiler/validate/tables/column-products.ts";
import { nth } from "../../ir/access.ts";
import { verifyFabric } from "../../ir/fabric/verify.ts";
import { simulateWords } from "../../runtime/simulator/word/run.ts";

describe("a dense product on a column of cores", () => {
  it("is a legal program, and every core has the product", () => {
    const [n, k, m] = [3, 4, 2];
    const program = columnProgram({ target: wse2, cores: 5, n, k, m });
    expect(verifyFabric(program)).toEqual([]);
    const a = Float32Array.from({ length: n * k }, (_, index) => (index % 5) - 2);
    const b = Float32Array.from({ length: k * m }, (_, index) => (index % 3) + 1);
    const { sram } = simulateWords(program, wse2, {
      constants: (value) => (value === productConstants.a ? a : b),
      inputs: () => new Float32Array(0),
    });
    const wanted = Float32Array.from({ length: n * m }, (_, index) => {
      const [row, column] = [Math.floor(index / m), index % m];
      return Array.from({ length: k }, (__, inner) => nth(a, row * k + inner) * nth(b, inner * m + column)).reduce(
        (sum, one) => sum + one,
        0,
      );
    });
    for (let core = 0; core < 5; core++) {
      const { x, y } = productAt(core);
      expect(sram(x, y, productRegion)).toEqual(wanted);
    }
  });

  it("takes the published cycles of SpMM_Cerebras' large grids within 5 %, with the vector figures of its 2 x 2 rows", () => {
    for (const { row, published, modelled } of simulatedProducts.entries()) {
      const isNear = Math.abs(modelled / published - 1) < 0.05;
      expect([row, modelled, isNear]).toEqual([row, modelled, true]);
    }
  });
});
