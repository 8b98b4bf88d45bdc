/** All layers on one region: what is claimed, that the checker counts it again, and what moves between layouts. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { checkPlacement } from "../../compiler/placement/checker/check.ts";
import { modes, placeInMode } from "../../compiler/placement/modes.ts";
import { variantsOf } from "../../compiler/kernels/library.ts";
import { conversionCost, type ConversionKind } from "../../ir/machine/conversion.ts";
import { type Spread, spreadOver } from "../../ir/machine/spread.ts";
import { partMade, partRead, holdsSum, summedLoops } from "../../ir/machine/layout.ts";
import { type Mapping, tileOf } from "../../ir/machine/mapping.ts";
import { nth, defined } from "../../ir/access.ts";
import { WscError } from "../../ir/diagnostic.ts";
import type { Kernel, KernelGraph } from "../../ir/kernel-graph.ts";
import type { Placement, PlacementMode } from "../../ir/placement.ts";
import { parsePlacementJson, printPlacementJson } from "../../ir/placement-json.ts";
import { parsePlacement, printPlacement } from "../../ir/placement-text.ts";
import type { Target } from "../../ir/machine/target.ts";
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
      const tile = tileOf(kernel.loops, mapping, x, y);
      if (tile === null || !holdsSum(tile, summed)) continue;
      for (const element of partMade(made, kernel.loops, tile).elements) {
        const known = found.get(element);
        if (known === undefined) found.set(element, [[x, y]]);
        else known.push([x, y]);
      }
    }
  return found;
}

/** The nearest kind of conversion, found by looking at every core and element. */
function exactKind(maker: Kernel, made: Mapping, reader: Kernel, read: Mapping): ConversionKind {
  const held = holders(maker, made, "y0");
  const operand = defined(reader.operands.find(({ name }) => name === "x0"));
  let [own, column, row] = [true, true, true];
  for (let y = 0; y < read.height; y++)
    for (let x = 0; x < read.width; x++) {
      const tile = tileOf(reader.loops, read, x, y);
      if (tile === null) continue;
      for (const element of partRead(operand, reader.loops, tile).elements) {
        const at = element < 0 ? [] : defined(held.get(element));
        if (element < 0) continue;
        own &&= at.some(([hx, hy]) => hx === x && hy === y);
        column &&= at.some(([hx]) => hx === x);
        row &&= at.some(([, hy]) => hy === y);
      }
    }
  return own ? "stays" : column ? "columns" : row ? "rows" : "everywhere";
}

describe("conversions", () => {
  it("never promise less than looking at every core and element finds", () => {
    const order: readonly ConversionKind[] = ["stays", "columns", "rows", "everywhere"];
    const machine = smallTarget(14, 14, {
      io: { columnsWest: 0, columnsEast: 0, rowsNorth: 0, rowsSouth: 0, bytesPerSecond: 150e9 },
    });
    const region = { width: 14, height: 14 };
    const seen = new Map<ConversionKind, number>();
    const pairs = [
      [matmulSketch(4, 24, 36), matmulSketch(4, 36, 20)],
      [matmulSketch(1, 24, 36), elementwiseSketch(36)],
      [elementwiseSketch(36), elementwiseSketch(36)],
      [elementwiseSketch(24), matmulSketch(1, 24, 24)],
    ].map((pair) => chainOf(pair).kernels);
    fc.assert(
      fc.property(fc.constantFrom(...pairs), fc.nat(), fc.nat(), fc.boolean(), ([maker, reader], a, b, turn) => {
        const [from, to] = [defined(maker), defined(reader)];
        const pick = (kernel: Kernel, choice: number): Mapping => {
          const list = variantsOf(kernel, machine, 50);
          return list.describe(choice % list.candidates.length).mapping;
        };
        const made = pick(from, a);
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
        const exact = exactKind(from, made, to, read);
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
        expect(cycles > 0).toBe(kind !== "stays");
        if (kind === "stays") expect(exact).toBe("stays");
        if (kind === "columns") expect(["stays", "columns"]).toContain(exact);
        // values in a row may lie in a column too
        if (kind === "rows") expect(exact).not.toBe("everywhere");
        expect(order.indexOf(kind)).toBeGreaterThanOrEqual(exact === "everywhere" ? 3 : 0);
      }),
      { numRuns: 300, seed: 5 },
    );
    expect([...seen.keys()].toSorted()).toEqual(["columns", "everywhere", "rows", "stays"]);
  });
});
