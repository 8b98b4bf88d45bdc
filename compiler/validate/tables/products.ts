/** Dense products: with matrices on WSE-2's simulator, with vectors on WSE-2. */
import { gemmCycles, gemvCycles } from "../../../ir/machine/products.ts";
import { wse2 } from "../../targets/wse2.ts";
import { type Constants, fitConstants } from "../fit.ts";
import type { Table } from "../table.ts";

/** f32, n dealt out over the rows and k over the columns; `fitted`: the target's rate and start come from it. */
interface GemmRun {
  readonly columns: number;
  readonly rows: number;
  readonly n: number;
  readonly k: number;
  readonly m: number;
  readonly cycles: number;
  readonly fitted: boolean;
}

const gemmRuns: readonly GemmRun[] = [
  { columns: 16, rows: 12, n: 768, k: 768, m: 64, cycles: 476_866, fitted: true },
  { columns: 16, rows: 48, n: 3072, k: 768, m: 64, cycles: 477_315, fitted: true },
  { columns: 64, rows: 12, n: 768, k: 3072, m: 64, cycles: 476_866, fitted: false },
  { columns: 128, rows: 8, n: 1024, k: 1024, m: 64, cycles: 150_760, fitted: true },
  { columns: 128, rows: 32, n: 4096, k: 1024, m: 64, cycles: 150_878, fitted: true },
  { columns: 512, rows: 8, n: 1024, k: 4096, m: 64, cycles: 150_759, fitted: false },
  { columns: 2, rows: 2, n: 16, k: 16, m: 32, cycles: 9_756, fitted: true },
  { columns: 2, rows: 2, n: 64, k: 64, m: 32, cycles: 88_795, fitted: true },
  { columns: 2, rows: 2, n: 16, k: 16, m: 128, cycles: 38_844, fitted: false },
  { columns: 2, rows: 2, n: 64, k: 64, m: 128, cycles: 357_853, fitted: false },
];

/** Cycles of a multiply-add and of a vector's start that bring the fitted runs nearest: the target's `1 / rates.f32.conflicting` and `vectorStartup`. */
export const fitGemm = (): Constants<"multiplyAdd" | "vectorStartup"> =>
  fitConstants(
    ["multiplyAdd", "vectorStartup"],
    gemmRuns
      .filter(({ fitted }) => fitted)
      .map(({ columns, rows, n, k, m, cycles }) => {
        const vectors = (k / columns) * m;
        return {
          measured: cycles,
          predict: ({ multiplyAdd, vectorStartup }) => vectors * ((n / rows) * multiplyAdd + vectorStartup),
        };
      }),
  );

export const gemm: Table = {
  name: "gemm",
  title: "Dense f32 products on WSE-2",
  unit: "cycles",
  source: "pr0f3ss/SpMM_Cerebras, benchmarks GEMM (vendor's simulator)",
  law: "One vector instruction for each pair of k and m in the fullest core: elements at the rate of operands that share a bank, and the start of a loop written out.",
  entries: () =>
    gemmRuns.map(({ cycles, fitted, ...run }) => ({
      row: `${run.columns} x ${run.rows} cores, N ${run.n}, K ${run.k}, M ${run.m}`,
      target: wse2.name,
      published: cycles,
      modelled: gemmCycles({ target: wse2, dtype: "f32", ...run }),
      basis: fitted ? "fitted" : "interpolated",
    })),
};

/** Elements along both sides of the matrix, microseconds; at 1.1 GHz. */
const gemvRuns = [
  { elements: 16 * 1024, microseconds: 1.2 },
  { elements: 32 * 1024, microseconds: 2.03 },
] as const;

/** The paper names no region for these runs; its largest square in the tables is taken. */
const gemvGrid = 720;
const clockMegahertz = 1100;

export const gemv: Table = {
  name: "gemv",
  title: "A vector times a square f16 matrix on WSE-2 (720 x 720 cores assumed)",
  unit: "cycles",
  source: "WaferLLM, arXiv 2502.04563, table 6, at 1.1 GHz",
  law: "A tile a core by the loops of the prefill rows, and one all-reduce over two levels; no constant is fitted to these rows.",
  entries: () =>
    gemvRuns.map(({ elements, microseconds }) => ({
      row: `[1, ${elements}] x [${elements}, ${elements}]`,
      target: wse2.name,
      published: microseconds * clockMegahertz,
      modelled: gemvCycles({ target: wse2, k: elements, n: elements, dtype: "f16", grid: gemvGrid }),
      basis: "extrapolated",
    })),
};
