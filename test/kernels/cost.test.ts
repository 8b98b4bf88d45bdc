import { describe, expect, it } from "@jest/globals";
import { coreCycles, ratesOf } from "../../compiler/kernels/cost.ts";
import { wse2 } from "../../compiler/targets/wse2.ts";
import { chainOf, matmulSketch } from "../placement/instances.ts";

const [kernel] = chainOf([matmulSketch(1, 1, 1)]).kernels;
if (kernel === undefined) throw new Error("no kernel");
const rates = ratesOf(kernel, wse2);

/** Dense f32 GEMM on WSE-2's cycle-accurate simulator (pr0f3ss/SpMM_Cerebras): width x height cores, N, K, M, cycles. */
const published = [
  [16, 12, 768, 768, 64, 476_866],
  [16, 48, 3072, 768, 64, 477_315],
  [128, 8, 1024, 1024, 64, 150_760],
  [128, 32, 4096, 1024, 64, 150_878],
  [2, 2, 16, 16, 32, 9_756],
  [2, 2, 64, 64, 32, 88_795],
] as const;

describe("cost model", () => {
  it.each(published)(
    "%d x %d cores, N=%d K=%d M=%d: within 2.5%% of the published cycles",
    (width, height, n, k, m, cycles) => {
      const tileN = n / height;
      const tileK = k / width;
      // one vector of length n per (k, m)
      const load = { macs: tileN * tileK * m, vectors: tileK * m, slowOps: 0, wordsIn: 0, wordsOut: 0, serial: 0 };
      expect(Math.abs(coreCycles(rates, load) / cycles - 1)).toBeLessThan(0.025);
    },
  );

  it("overlaps computing with moving, and nothing with what is serial", () => {
    const load = { macs: 474, slowOps: 0, vectors: 0, wordsIn: 600, wordsOut: 10, serial: 7 };
    expect(coreCycles(rates, load)).toBe(1_007);
    expect(coreCycles(rates, { ...load, wordsIn: 5_000 })).toBe(5_007);
  });
});
