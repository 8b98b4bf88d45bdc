/** The dense products of SpMM_Cerebras run word by word: the vector unit's figures from its 2 x 2 rows, the large grids from the run. */
import { defined, nth } from "../../../ir/access.ts";
import type { Target } from "../../../ir/machine/target.ts";
import type { Span } from "../../../runtime/simulator/spans.ts";
import { simulateWords } from "../../../runtime/simulator/word/run.ts";
import { columnProgram, productConstants } from "../../fabric/collectives/product.ts";
import { wse2 } from "../../targets/wse2.ts";
import type { Entry, Table } from "../table.ts";

/** Rows of a grid of cores, the tile of a core, and the published mean over its cores. */
interface GridRun {
  readonly width: number;
  readonly height: number;
  readonly n: number;
  readonly k: number;
  readonly m: number;
  readonly cycles: number;
}

/** benchmarks/memory_access_latency: on two rows of cores nobody passes B on, so that a core's cycles are those of its vectors. */
const small: readonly GridRun[] = [
  { width: 2, height: 2, n: 8, k: 8, m: 32, cycles: 9_756 },
  { width: 2, height: 2, n: 32, k: 32, m: 32, cycles: 88_795 },
];

/** benchmarks/GEMM_benchmark.csv: no figure of the machine that they are compared with comes from them. */
const large: readonly GridRun[] = [
  { width: 16, height: 12, n: 64, k: 48, m: 64, cycles: 476_866 },
  { width: 16, height: 48, n: 64, k: 48, m: 64, cycles: 477_315 },
  { width: 128, height: 8, n: 128, k: 8, m: 64, cycles: 150_760 },
  { width: 128, height: 32, n: 128, k: 8, m: 64, cycles: 150_878 },
];

/** WSE-2 with the start and the rate of vector instructions that the two small rows have between them. */
function fromSmallRows(): Target {
  const [first, second] = [nth(small, 0), nth(small, 1)];
  const vectors = ({ k, m }: GridRun): number => k * m;
  const points = (run: GridRun): number => run.n * vectors(run);
  const scale = vectors(second) / vectors(first);
  const perPoint = (second.cycles - scale * first.cycles) / (points(second) - scale * points(first));
  const vectorStartup = (first.cycles - perPoint * points(first)) / vectors(first);
  const { core } = wse2;
  const f32 = { ...core.rates.f32, conflicting: 1 / perPoint };
  return { ...wse2, core: { ...core, vectorStartup, rates: { ...core.rates, f32 } } };
}

/** Mean over a column's cores from when they have their part of B: passing it on, and the product. */
export function columnCycles(target: Target, { height, n, k, m }: Pick<GridRun, "height" | "n" | "k" | "m">): number {
  const program = columnProgram({ target, cores: height, n, k, m });
  const tiles = new Map<number, Float32Array>([
    [productConstants.a, new Float32Array(n * k).fill(1)],
    [productConstants.b, new Float32Array(k * m).fill(1)],
  ]);
  const spans: Span[] = [];
  simulateWords(program, target, {
    constants: (value) => defined(tiles.get(value)),
    inputs: () => new Float32Array(0),
    onSpan: (span) => spans.push(span),
  });
  const top = Math.min(...spans.map(({ y }) => y));
  // the first core passes B on before its clock is read
  const counted = spans.filter(({ y, what }) => what === "compute" || (what.startsWith("send") && y !== top));
  return counted.reduce((sum, { begin, end }) => sum + end - begin, 0) / height;
}

let runs: readonly Entry[] | null = null;

export const simulatedProducts: Table = {
  name: "products-simulated",
  title: "Dense products on grids of WSE-2's cores, run word by word",
  unit: "cycles",
  source: "pr0f3ss/SpMM_Cerebras, benchmarks GEMM (vendor's simulator)",
  law: "The run of a column of cores; start and rate of vector instructions are those of the two rows on 2 x 2 cores.",
  simulated: true,
  entries: () =>
    (runs ??= large.map((run) => ({
      row: `${run.width} x ${run.height} cores, tiles ${run.n} x ${run.k} x ${run.m}`,
      target: wse2.name,
      published: run.cycles,
      modelled: columnCycles(fromSmallRows(), run),
      basis: "interpolated",
    }))),
};
