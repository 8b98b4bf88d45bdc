/**
 * A dense product as SpMM_Cerebras writes it (src/gemm): each core of a column holds a tile of A, the tile of B comes down the column from core to
 * core, and a core multiplies when it has passed it on. Columns differ in their operands alone, so that one of them has the cycles of all; the
 * sum over a row is not in the published figures.
 */
import type { Endpoint, FabricProgram, Region, Step, Strided } from "../../../ir/fabric/program.ts";
import type { Target } from "../../../ir/machine/target.ts";
import type { Core } from "../../../ir/placement.ts";
import { fabricTargetOf, ProgramBuilder, straightWay } from "../program-builder.ts";

/** Tiles of a core: A is n x k, B is k x m; sizes in words. */
export interface ColumnProduct {
  readonly target: Target;
  readonly cores: number;
  readonly n: number;
  readonly k: number;
  readonly m: number;
}

export const productAt = (index: number): Core => ({ x: 4, y: 1 + index });

/** Indices of the constants: the tile of A in every core, and B in the first. */
export const productConstants = { a: 0, b: 1 } as const;

/** Name of the region that the product is left in. */
export const productRegion = "c";

export function columnProgram({ target, cores, n, k, m }: ColumnProduct): FabricProgram {
  const builder = new ProgramBuilder("product", fabricTargetOf(target), ["product"]);
  const start = target.core.systemBytes + target.core.codeBytes;
  const sizes = [
    ["a", n * k],
    ["b", k * m],
    [productRegion, n * m],
  ] as const;
  let address = start;
  const regions = sizes.map(([name, words]): Region => {
    const region: Region = { name, address, words, slots: 1, category: "activations", writers: 0, readers: 0 };
    address += 4 * words;
    return region;
  });
  const b: Strided = { region: "b", offset: 0, sizes: [k * m], strides: [1] };
  // one vector instruction for each element of B: a column of C grows by a column of A
  const multiply: Step = {
    kind: "compute",
    operation: { kind: "multiplyAdd" },
    begins: true,
    sizes: [k, m, n],
    vector: 2,
    out: { region: productRegion, offset: 0, strides: [0, 1, m] },
    args: [
      { region: "a", offset: 0, strides: [1, 0, k] },
      { region: "b", offset: 0, strides: [m, 1, 0] },
    ],
  };
  for (let core = 0; core < cores; core++) {
    const at = productAt(core);
    const hop = (from: number): Endpoint => ({ color: from % 2, queue: 0 });
    const into: Step = { kind: "receive", from: hop(core + 1), into: [{ words: k * m, into: b }] };
    const out: Step = { kind: "send", to: hop(core), words: [b] };
    const isLast = core === cores - 1;
    if (!isLast) builder.path(core % 2, straightWay(at, productAt(core + 1)));
    const steps = [...(core === 0 ? [] : [into]), ...(isLast ? [] : [out]), multiply];
    builder.core(at, { layer: 0, regions, tasks: [{ name: "main", steps }] });
    const load = (region: string, value: number, words: number): void => {
      const elements = [{ offset: 0, sizes: [words], strides: [1] }];
      builder.load({ ...at, region, at: 0, from: { kind: "constant", value }, elements });
    };
    load("a", productConstants.a, n * k);
    if (core === 0) load("b", productConstants.b, k * m);
  }
  return builder.build();
}
