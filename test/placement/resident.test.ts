/** All layers on one region: what is claimed, that the checker counts it again, and what moves between layouts. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { checkPlacement } from "../../compiler/placement/checker/check.ts";
import { modes, placeInMode } from "../../compiler/placement/modes.ts";
import { variantsOf } from "../../compiler/kernels/library.ts";
import { conversionCost, type ConversionKind } from "../../ir/machine/conversion.ts";
import { type Spread, spreadOver } from "../../ir/machine/spread.ts";
import { partMade, partRead, holdsSum, summedLoops } from "../../ir/machine/layout.ts";
import { type Mapping, type Tile, tileOf } from "../../ir/machine/mapping.ts";
import { nth, defined } from "../../ir/access.ts";
import { WscError } from "../../ir/diagnostic.ts";
import type { Axis, Kernel, KernelGraph, Term } from "../../ir/kernel-graph.ts";
import type { Placement, PlacementMode } from "../../ir/placement.ts";
import { parsePlacementJson, printPlacementJson } from "../../ir/placement-json.ts";
import { parsePlacement, printPlacement } from "../../ir/placement-text.ts";
import type { Target } from "../../ir/machine/target.ts";
import { crossingCycles } from "../../ir/machine/travel.ts";
import { chainOf, elementwiseSketch, graphOf, graphs, matmulSketch, smallTarget, targets } from "./instances.ts";

/** Two products with a residual around the second. */
const net = graphOf(
  [matmulSketch(1, 96, 96), elementwiseSketch(96), matmulSketch(1, 96, 96), elementwiseSketch(96)],
  [
    [0, 1],
    [1, 2],
    [2, 3],
    [0, 3],
  ],
);
const target = smallTarget(60, 44);

const residentOf = async (graph: KernelGraph, machine: Target): Promise<Placement> =>
  (await placeInMode(graph, machine, { mode: "resident" })).placement;

const faultsOf = (graph: KernelGraph, placement: Placement, machine: Target = target): string =>
  checkPlacement(graph, placement, machine)
    .map(({ subject, message }) => `${subject} ${message}`)
    .join("\n");

type Resident = Extract<PlacementMode, { kind: "resident" }>;

const modeOf = ({ mode }: Placement): Resident => {
  if (mode.kind !== "resident") throw new Error("it is a pipeline");
  return mode;
};

describe("a resident placement", () => {
  it("has all layers on one region, and its cycles are those of layers, moves and the edge", async () => {
    const placement = await residentOf(net, target);
    expect(faultsOf(net, placement)).toBe("");
    const { certificate, kernels } = placement;
    const { region, moves } = modeOf(placement);
    expect(kernels.every(({ rect }) => rect.x === region.x && rect.y === region.y)).toBe(true);
    expect(certificate.objective).toBe(certificate.kernelCycles + certificate.linkCycles + certificate.ioCycles);
    expect(moves).toHaveLength(4);
    expect(printPlacement(placement)).toMatchGolden("placement/resident.placement");
    expect(await residentOf(net, target)).toEqual(placement);
  });

  it("prints and parses back", async () => {
    const placement = await residentOf(net, target);
    expect(parsePlacement(printPlacement(placement))).toEqual(placement);
    expect(parsePlacementJson(printPlacementJson(placement))).toEqual(placement);
  });

  it("random graphs and targets: legal, never below the bound, or refused by name", async () => {
    let placed = 0;
    await fc.assert(
      fc.asyncProperty(graphs, targets, async (graph, machine) => {
        try {
          const ready = modes.resident.prepare(graph, machine, {});
          const { placement } = await ready.search({});
          placed++;
          expect(faultsOf(graph, placement, machine)).toBe("");
          expect(placement.certificate.objective).toBeGreaterThanOrEqual(ready.bound);
          expect(placement.certificate.bound).toBe(ready.bound);
          expect(parsePlacement(printPlacement(placement))).toEqual(placement);
        } catch (error) {
          if (!(error instanceof WscError)) throw error;
        }
      }),
      { numRuns: 6, seed: 16 },
    );
    expect(placed).toBeGreaterThan(3);
  });

  it("holds what does not fit as a pipeline, and auto finds it", async () => {
    const deep = chainOf(Array.from({ length: 40 }, () => elementwiseSketch(64)));
    const few = smallTarget(8, 5);
    await expect(placeInMode(deep, few, { mode: "pipeline" })).rejects.toThrow(WscError);
    const { placement } = await placeInMode(deep, few);
    expect(placement.mode.kind).toBe("resident");
    expect(faultsOf(deep, placement, few)).toBe("");
  });

  it("refuses what does not fit its cores together, with the bytes", async () => {
    const heavy = chainOf(Array.from({ length: 30 }, () => matmulSketch(1, 256, 256)));
    await expect(residentOf(heavy, smallTarget(12, 12))).rejects.toThrow(
      /the fullest core would hold \d+ bytes and has 49152/,
    );
  });

  it.each([
    ["pins", { constraints: { pins: [{ layer: "layer0", x: 3, y: 3 }] } }],
    ["--objective wire", { objective: "wire" }],
    ["copies are of pipelines", { replicas: 2 }],
  ] as const)("refuses %s", async (message, options) => {
    await expect(placeInMode(net, target, { mode: "resident", ...options })).rejects.toThrow(message);
  });
});

describe("the checker of a region", () => {
  const legal = residentOf(net, target);
  const changed = async (change: (placement: Placement, mode: Resident) => Partial<Placement>): Promise<string> => {
    const placement = await legal;
    return faultsOf(net, { ...placement, ...change(placement, modeOf(placement)) });
  };

  it.each<[string, RegExp, (placement: Placement, mode: Resident) => Partial<Placement>]>([
    [
      "a region off the usable cores",
      /region .* is not inside/,
      (_, mode) => ({ mode: { ...mode, region: { ...mode.region, x: 58 } } }),
    ],
    [
      "fewer cycles of a move",
      /moves claim/,
      (_, mode) => ({ mode: { ...mode, moves: mode.moves.map((move) => ({ ...move, kind: "stays", cycles: 0 })) } }),
    ],
    [
      "sums for all cores called sums for one",
      /claims|moves/,
      ({ kernels }) => ({
        kernels: kernels.map((one) => ({
          ...one,
          variant: { ...one.variant, mapping: { ...one.variant.mapping, reduce: "tree" } },
        })),
      }),
    ],
    ["a move left out", /moves are 3/, (_, mode) => ({ mode: { ...mode, moves: mode.moves.slice(1) } })],
    [
      "less memory",
      /bytes of weights in its fullest core/,
      (_, mode) => ({ mode: { ...mode, sram: { ...mode.sram, weights: 4 } } }),
    ],
    [
      "a kernel elsewhere",
      /in the corner of/,
      ({ kernels }) => ({
        kernels: kernels.map((one, id) => (id === 1 ? { ...one, rect: { ...one.rect, x: one.rect.x + 1 } } : one)),
      }),
    ],
    [
      "fewer cycles of a kernel",
      /claims 1 cycles, its mapping/,
      ({ kernels }) => ({
        kernels: kernels.map((one, id) => (id === 0 ? { ...one, variant: { ...one.variant, cycles: 1 } } : one)),
      }),
    ],
    [
      "a shorter interval",
      /cycles between samples/,
      ({ certificate }) => ({ certificate: { ...certificate, objective: certificate.objective - 1 } }),
    ],
    [
      "a dead core in the region",
      /lies on what is dead/,
      ({ constraints }, { region }) => ({ constraints: { ...constraints, deadCores: [{ x: region.x, y: region.y }] } }),
    ],
    ["two copies", /copies are 2/, ({ copies }) => ({ copies: { ...copies, count: 2 } })],
  ])("rejects %s", async (_, expected, change) => {
    expect(await changed(change)).toMatch(expected);
  });
});

/** The iterations of a core; along a side without cuts all cores of the rectangle do the same. */
const tileAt = ({ loops }: Kernel, mapping: Mapping, x: number, y: number): Tile | null =>
  tileOf(loops, mapping, mapping.columns.length === 0 ? 0 : x, mapping.rows.length === 0 ? 0 : y);

/** Cores that hold an element of what a kernel makes, by element. */
function holders(
  kernel: Kernel,
  mapping: Mapping,
  operand: string,
): ReadonlyMap<number, readonly (readonly [number, number])[]> {
  const made = defined(kernel.operands.find(({ name }) => name === operand));
  const summed = summedLoops(nth(kernel.stages, 0), made);
  const found = new Map<number, (readonly [number, number])[]>();
  for (let y = 0; y < mapping.height; y++)
    for (let x = 0; x < mapping.width; x++) {
      const tile = tileAt(kernel, mapping, x, y);
      if (tile === null || (mapping.reduce !== "mesh" && !holdsSum(tile, summed))) continue;
      for (const element of partMade(made, kernel.loops, tile).elements) {
        const known = found.get(element);
        if (known === undefined) found.set(element, [[x, y]]);
        else known.push([x, y]);
      }
    }
  return found;
}

interface Exact {
  readonly kind: ConversionKind;
  /** cores to the nearest that holds an element, in a column and in a row, at most */
  readonly reach: { readonly columns: number; readonly rows: number };
}

/** The nearest kind of conversion, found by looking at every core and element. */
function exactly(maker: Kernel, made: Mapping, reader: Kernel, read: Mapping): Exact {
  const held = holders(maker, made, "y0");
  const operand = defined(reader.operands.find(({ name }) => name === "x0"));
  let [own, down, across] = [true, 0, 0];
  const nearest = (distances: readonly number[]): number =>
    distances.reduce((least, distance) => Math.min(least, distance), Infinity);
  for (let y = 0; y < read.height; y++)
    for (let x = 0; x < read.width; x++) {
      const tile = tileAt(reader, read, x, y);
      if (tile === null) continue;
      for (const element of partRead(operand, reader.loops, tile).elements) {
        if (element < 0) continue;
        const at = defined(held.get(element));
        own &&= at.some(([hx, hy]) => hx === x && hy === y);
        down = Math.max(down, nearest(at.flatMap(([hx, hy]) => (hx === x ? [Math.abs(hy - y)] : []))));
        across = Math.max(across, nearest(at.flatMap(([hx, hy]) => (hy === y ? [Math.abs(hx - x)] : []))));
      }
    }
  const kind = own ? "stays" : down < Infinity ? "columns" : across < Infinity ? "rows" : "everywhere";
  return { kind, reach: { columns: down, rows: across } };
}

/** The kernel with a loop of its result taken apart: what a reshape in between does. */
function reshaped(kernel: Kernel, outer: number): Kernel {
  const loop = nth(kernel.loops, 0);
  const inner = loop.size / outer;
  const split = (terms: readonly Term[], factor: number, name: string): readonly Term[] =>
    terms.map((term) => (term.loop === loop.name ? { loop: name, factor: term.factor * factor } : term));
  const axes = (own: readonly Axis[]): readonly Axis[] =>
    own.flatMap((axis): readonly Axis[] =>
      axis.kind === "index" && axis.terms.some((term) => term.loop === loop.name)
        ? [
            { ...axis, size: outer, terms: split(axis.terms, 1, "a") },
            { ...axis, size: inner, terms: split(axis.terms, 1, "b") },
          ]
        : [axis],
    );
  const [first, ...others] = kernel.loops;
  expect(first).toBe(loop);
  return {
    ...kernel,
    loops: [{ name: "a", size: outer }, { name: "b", size: inner }, ...others],
    operands: kernel.operands.map((operand) => ({ ...operand, axes: axes(operand.axes) })),
    stages: kernel.stages.map((stage) => ({
      ...stage,
      domain: [["a"], ["b"], ...others.map(({ name }) => [name])].map((names) =>
        names.map((name) => ({ loop: name, factor: 1 })),
      ),
      vector: ["b"],
    })),
  };
}

describe("conversions", () => {
  it("never promise less than looking at every core and element finds", () => {
    const machine = smallTarget(14, 14, {
      io: { columnsWest: 0, columnsEast: 0, rowsNorth: 0, rowsSouth: 0, bytesPerSecond: 150e9 },
    });
    const region = { width: 14, height: 14 };
    const seen = new Map<ConversionKind, number>();
    const chains = [
      [matmulSketch(4, 24, 36), matmulSketch(4, 36, 20)],
      [matmulSketch(1, 24, 36), elementwiseSketch(36)],
      [elementwiseSketch(36), elementwiseSketch(36)],
      [elementwiseSketch(24), matmulSketch(1, 24, 24)],
    ].map((pair) => chainOf(pair).kernels);
    const pairs = [
      ...chains,
      ...[
        [elementwiseSketch(36), elementwiseSketch(36)],
        [matmulSketch(1, 24, 36), elementwiseSketch(36)],
      ].map((pair) => {
        const { kernels } = chainOf(pair);
        return [nth(kernels, 0), reshaped(nth(kernels, 1), 3)];
      }),
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...pairs),
        fc.nat(),
        fc.nat(),
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        ([maker, reader], a, b, turn, forAll, repeat) => {
          const [from, to] = [defined(maker), defined(reader)];
          const pick = (kernel: Kernel, choice: number): Mapping => {
            const list = variantsOf(kernel, machine, 50);
            const { mapping } = list.describe(choice % list.candidates.length);
            if (!repeat) return mapping;
            const height = mapping.rows.length === 0 ? region.height : mapping.height;
            return { ...mapping, height, width: mapping.columns.length === 0 ? region.width : mapping.width };
          };
          const picked = pick(from, a);
          const made: Mapping = forAll ? { ...picked, reduce: "mesh" } : picked;
          const plain = pick(to, b);
          const read = turn
            ? { ...plain, height: plain.width, width: plain.height, rows: plain.columns, columns: plain.rows }
            : plain;
          const laid = (kernel: Kernel, mapping: Mapping, name: string): Spread =>
            spreadOver(region, {
              kernel,
              mapping,
              operand: defined(kernel.operands.find((one) => one.name === name)),
            });
          const { kind, cycles } = conversionCost(machine, region, laid(from, made, "y0"), laid(to, read, "x0"), null);
          const exact = exactly(from, made, to, read);
          seen.set(kind, (seen.get(kind) ?? 0) + 1);
          expect(cycles > 0).toBe(kind !== "stays");
          if (kind === "stays") expect(exact.kind).toBe("stays");
          if (kind === "columns" || kind === "rows") {
            // the words go as far as they have to along the line
            const reach = exact.reach[kind];
            expect(reach).toBeLessThan(Infinity);
            const [rows, columns] = kind === "columns" ? [reach, 1] : [1, reach];
            expect(cycles).toBeGreaterThanOrEqual(crossingCycles(machine, rows, columns));
          }
          expect(kind === "everywhere" || exact.kind !== "everywhere").toBe(true);
        },
      ),
      { numRuns: 600, seed: 5 },
    );
    expect([...seen.keys()].toSorted()).toEqual(["columns", "everywhere", "rows", "stays"]);
  });

  it("of a value that is read turned around find the halves that are exchanged", () => {
    const machine = smallTarget(16, 4);
    const region = { width: 16, height: 4 };
    const { kernels } = chainOf([elementwiseSketch(32), elementwiseSketch(32)]);
    const [maker, reader] = [nth(kernels, 0), reshaped(nth(kernels, 1), 2)];
    const along = (cuts: Mapping["columns"]): Mapping => ({
      height: 1,
      width: 16,
      rows: [],
      columns: cuts,
      reduce: "chain",
    });
    const made = spreadOver(region, {
      kernel: maker,
      mapping: along([{ loop: nth(maker.loops, 0).name, pieces: 16 }]),
      operand: defined(maker.operands.find(({ name }) => name === "y0")),
    });
    const readBy = (cuts: Mapping["columns"]): Spread =>
      spreadOver(region, {
        kernel: reader,
        mapping: along(cuts),
        operand: defined(reader.operands.find(({ name }) => name === "x0")),
      });
    const halves = { starts: [1, 0], sizes: [2, 16], steps: [-1, 1] };
    const cost = (cuts: Mapping["columns"], positions: typeof halves | null) =>
      conversionCost(machine, region, made, readBy(cuts), positions === null ? null : { positions, words: 32 });
    const inOrder = [
      { loop: "a", pieces: 2 },
      { loop: "b", pieces: 8 },
    ];
    expect(cost(inOrder, null).kind).toBe("stays");
    // the other half is eight cores away
    expect(cost(inOrder, halves)).toEqual({
      kind: "rows",
      cycles: 2 * 8 + crossingCycles(machine, 1, 8),
    });
    // less than all of a value is not followed
    expect(cost(inOrder, { ...halves, sizes: [1, 16] }).kind).toBe("everywhere");
  });
});
