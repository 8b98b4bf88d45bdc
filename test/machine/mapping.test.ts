import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { variantsOf } from "../../compiler/kernels/library.ts";
import { operandElements } from "../../ir/kernel-graph.ts";
import { type Mapping, type Range, sliceOf, type Tile, tileOf } from "../../ir/machine/mapping.ts";
import { nestOf, workOf } from "../../ir/machine/work.ts";
import { graphs, targets } from "../placement/instances.ts";

const lengthOf = ({ begin, end }: Range): number => end - begin;

/** The tiles of all cores that have one. */
function tilesOf(loops: Parameters<typeof tileOf>[0], mapping: Mapping): Tile[] {
  const tiles: Tile[] = [];
  for (let y = 0; y < mapping.height; y++) {
    for (let x = 0; x < mapping.width; x++) {
      const tile = tileOf(loops, mapping, x, y);
      if (tile !== null) tiles.push(tile);
    }
  }
  return tiles;
}

const extentsOf = (loops: Parameters<typeof tileOf>[0], tile: Tile): number[] =>
  loops.map(({ name }) => lengthOf(tile.get(name) ?? { begin: 0, end: 0 }));

describe("mappings that are offered", () => {
  it("give every iteration to one core, ragged edges included, and all the work", () => {
    let looked = 0;
    fc.assert(
      fc.property(graphs, targets, fc.nat(), (graph, target, choice) => {
        const kernel = graph.kernels[choice % graph.kernels.length];
        if (kernel === undefined) return;
        const list = variantsOf(kernel, target, graph.kernels.length * 20);
        if (list.candidates.length === 0) return;
        const { mapping } = list.describe(choice % list.candidates.length);
        const tiles = tilesOf(kernel.loops, mapping);
        const points = kernel.loops.reduce((product, { size }) => product * size, 1);
        const sizes = tiles.map((tile) =>
          extentsOf(kernel.loops, tile).reduce((product, extent) => product * extent, 1),
        );
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(points);
        // tiles are boxes: they cover everything once if they are as many iterations in all and no two are the same
        const corners = new Set(tiles.map((tile) => kernel.loops.map(({ name }) => tile.get(name)?.begin).join(" ")));
        expect(corners.size).toBe(tiles.length);
        const nest = nestOf(kernel);
        const whole = kernel.loops.map(() => 1);
        const all = workOf(
          nest,
          kernel.loops.map(({ size }) => size),
          whole,
        );
        const fast = tiles.reduce((sum, tile) => sum + workOf(nest, extentsOf(kernel.loops, tile), whole).fast, 0);
        expect(fast).toBeGreaterThanOrEqual(all.fast);
        if (kernel.stages.every(({ perResult }) => perResult.fast === 0)) expect(fast).toBe(all.fast);
        looked++;
      }),
      { numRuns: 60 },
    );
    expect(looked).toBeGreaterThan(30);
  });

  it("hold every element of every operand somewhere", () => {
    fc.assert(
      fc.property(graphs, targets, fc.nat(), (graph, target, choice) => {
        const kernel = graph.kernels[choice % graph.kernels.length];
        if (kernel === undefined) return;
        const list = variantsOf(kernel, target, graph.kernels.length * 20);
        if (list.candidates.length === 0) return;
        const { mapping } = list.describe(choice % list.candidates.length);
        const tiles = tilesOf(kernel.loops, mapping);
        for (const operand of kernel.operands) {
          if (operandElements(operand) > 4_000 || tiles.length > 400) continue;
          const seen = new Set<string>();
          const visit = (ranges: readonly Range[], axis: number, place: string): void => {
            const range = ranges[axis];
            if (range === undefined) {
              seen.add(place);
              return;
            }
            const size = operand.axes[axis]?.size ?? 0;
            for (let at = Math.max(0, range.begin); at < Math.min(size, range.end); at++)
              visit(ranges, axis + 1, `${place} ${at}`);
          };
          for (const tile of tiles) visit(sliceOf(operand, kernel.loops, tile), 0, "");
          expect(seen.size).toBe(operandElements(operand));
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe("tileOf", () => {
  const loops = [
    { name: "h", size: 7 },
    { name: "k", size: 10 },
  ];

  it("counts the digits of a core's place, the outermost cut first", () => {
    const mapping: Mapping = {
      height: 4,
      width: 5,
      rows: [
        { loop: "h", pieces: 2 },
        { loop: "k", pieces: 2 },
      ],
      columns: [{ loop: "k", pieces: 5 }],
      reduce: "chain",
    };
    expect(tileOf(loops, mapping, 3, 3)).toEqual(
      new Map([
        ["h", { begin: 4, end: 7 }],
        ["k", { begin: 8, end: 9 }],
      ]),
    );
    expect(tileOf(loops, mapping, 0, 0)).toEqual(
      new Map([
        ["h", { begin: 0, end: 4 }],
        ["k", { begin: 0, end: 1 }],
      ]),
    );
  });

  it("gives nothing to cores beyond the pieces, and to pieces beyond the loop", () => {
    const mapping: Mapping = { height: 3, width: 2, rows: [{ loop: "h", pieces: 2 }], columns: [], reduce: "chain" };
    expect(tileOf(loops, mapping, 1, 0)).toBeNull();
    expect(tileOf(loops, mapping, 0, 2)).toBeNull();
    expect(tileOf(loops, { ...mapping, height: 5, rows: [{ loop: "h", pieces: 5 }] }, 0, 4)).toBeNull();
  });
});
