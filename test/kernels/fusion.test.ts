import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { buildKernelGraph } from "../../compiler/kernels/build.ts";
import { buildFusedKernels } from "../../compiler/kernels/fusion/fuse.ts";
import type { SeamWay } from "../../compiler/kernels/fusion/merge.ts";
import { variantsOf } from "../../compiler/kernels/library.ts";
import { place } from "../../compiler/placement/place.ts";
import { checkPlacement } from "../../compiler/placement/checker/check.ts";
import { GraphBuilder } from "../../ir/builder.ts";
import { arg, binary } from "../../ir/expr.ts";
import { tensorType } from "../../ir/graph.ts";
import { type Kernel, opsOf, type Stage } from "../../ir/kernel-graph.ts";
import { parseKernelGraph, printKernelGraph } from "../../ir/kernel-graph-text.ts";
import { blocksOf } from "../../ir/machine/cost.ts";
import { type Mapping, type Tile, tileOf } from "../../ir/machine/mapping.ts";
import { nestOf, workOf } from "../../ir/machine/work.ts";
import { smallTarget } from "../placement/instances.ts";
import { cacheNet, fusedWhole, layouts, nets, settled } from "./fused-nets.ts";

const names = Object.keys(nets);

function netAt(name: string) {
  const net = nets[name];
  if (net === undefined) throw new Error(`no net ${name}`);
  return net;
}

function kernelOf(name: string, way: SeamWay): Kernel {
  const [kernel] = fusedWhole(netAt(name), way)?.kernels ?? [];
  if (kernel === undefined) throw new Error(`${name} is not fused`);
  return kernel;
}

describe("fused kernels", () => {
  it.each(names)("%s: all its ops in one kernel", (name) => {
    const graph = fusedWhole(netAt(name));
    if (graph === null) throw new Error("not fused");
    expect(graph.kernels).toHaveLength(1);
    const text = printKernelGraph(graph);
    expect(parseKernelGraph(text)).toEqual(graph);
    expect(text).toMatchGolden(`kernels/fused-${name}.kernels`);
    const apart = buildKernelGraph(netAt(name));
    const [kernel] = graph.kernels;
    expect([...(kernel?.origin ?? [])].sort()).toEqual(
      [...new Set(apart.kernels.flatMap(({ origin }) => origin))].sort(),
    );
    expect(kernel === undefined ? [] : [...opsOf(kernel)].sort()).toEqual(apart.kernels.flatMap(opsOf).sort());
    expect(kernel?.flops).toBe(apart.kernels.reduce((sum, { flops }) => sum + flops, 0));
  });

  it("slide a window with a seam made twice where that is asked for", () => {
    const [pooled] = fusedWhole(netAt("pooling"), "recompute")?.kernels ?? [];
    expect(pooled?.stages.map(({ gathers }) => gathers.length)).toEqual([0, 0]);
    expect(pooled?.stages[0]?.domain).toHaveLength(6);
    expect(pooled?.loops.map(({ name, size }) => [name, size])).toContainEqual(["h1", 6]);
  });

  it("keep a value that others need as a result", () => {
    const b = new GraphBuilder("kept");
    const x = b.input("x", tensorType("f32", [8, 8]));
    const w = b.input("w", tensorType("f32", [8, 8]));
    const y = b.emitOne(
      { kind: "matmul", inputs: [x, w], transposeA: false, transposeB: false, epilogue: null },
      { origin: ["product"] },
    );
    b.output("raw", y);
    b.output(
      "sum",
      b.emitOne({ kind: "map", inputs: [y, x], expr: binary("add", arg(0), arg(1)) }, { origin: ["sum"] }),
    );
    const [kernel] = fusedWhole(b.finish())?.kernels ?? [];
    expect(kernel?.operands.filter(({ role }) => role === "result")).toHaveLength(2);
    expect(kernel?.operands.filter(({ role }) => role === "local")).toHaveLength(0);
    // x is read in two ways, and arrives once
    expect(kernel?.arriving).toBe(128);
  });
});

describe("movement", () => {
  it("becomes the way in which values are read and made", () => {
    const graph = settled(layouts).finish();
    expect(graph.kernels.map(({ stages }) => stages.map(({ kind }) => kind))).toEqual([
      ["conv"],
      ["matmul"],
      ["matmul"],
      ["matmul"],
      ["softmax"],
    ]);
    expect(printKernelGraph(graph)).toMatchGolden("kernels/folded-layouts.kernels");
    expect(graph.kernels.flatMap(opsOf).sort()).toEqual(buildKernelGraph(layouts).kernels.flatMap(opsOf).sort());
  });
});

describe("caches", () => {
  it("are state of what reads them, and cross no edge", () => {
    const graph = settled(cacheNet()).finish();
    expect(printKernelGraph(graph)).toMatchGolden("kernels/cache.kernels");
    expect(graph.inputs.map(({ name }) => name)).toEqual(["k", "q"]);
    expect(graph.outputs.map(({ name }) => name)).toEqual(["y"]);
    expect(graph.kernels.flatMap(({ operands }) => operands.map(({ role }) => role))).toContain("state");
  });

  it.each([
    ["x", "y2"],
    ["past.0.key", "present.0.value"],
    ["past.0.key", "longer"],
  ])("are not seen in %s and %s", (given, made) => {
    const graph = settled(cacheNet(given, made)).finish();
    expect(graph.inputs.map(({ name }) => name)).toContain(given);
    expect(graph.outputs.map(({ name }) => name)).toContain(made);
  });
});

/** Tiles of all cores that have one. */
function tilesOf({ loops }: Kernel, mapping: Mapping): Tile[] {
  const tiles: Tile[] = [];
  for (let y = 0; y < mapping.height; y++)
    for (let x = 0; x < mapping.width; x++) {
      const tile = tileOf(loops, mapping, x, y);
      if (tile !== null) tiles.push(tile);
    }
  return tiles;
}

/** The iterations of a stage in a tile, each as text. */
function pointsOf({ domain }: Stage, tile: Tile): string[] {
  let points = [""];
  for (const terms of domain) {
    let positions = [0];
    for (const { loop, factor } of terms) {
      const { begin, end } = tile.get(loop) ?? { begin: 0, end: 0 };
      positions = positions.flatMap((at) => Array.from({ length: end - begin }, (_, i) => at + factor * (begin + i)));
    }
    const distinct = [...new Set(positions)];
    points = points.flatMap((point) => distinct.map((at) => `${point} ${at}`));
  }
  return points;
}

const target = smallTarget(30, 30);

describe("mappings of fused kernels", () => {
  it.each(
    names.flatMap((name) => [
      [name, "exchange"] as const,
      ...(name === "pooling" ? [[name, "recompute"] as const] : []),
    ]),
  )("%s (%s): every iteration of every stage is some core's, and the work adds up", (name, way) => {
    const kernel = kernelOf(name, way);
    const list = variantsOf(kernel, target, 1_000);
    expect(list.candidates.length).toBeGreaterThan(0);
    const nest = nestOf(kernel);
    const whole = kernel.loops.map(() => 1);
    const everything: Tile = new Map(kernel.loops.map(({ name: loop, size }) => [loop, { begin: 0, end: size }]));
    fc.assert(
      fc.property(fc.nat(list.candidates.length - 1), (choice) => {
        const { mapping } = list.describe(choice);
        const tiles = tilesOf(kernel, mapping);
        const { pieces } = blocksOf(nest, mapping);
        for (const stage of kernel.stages) {
          const runs = new Set(stage.domain.flatMap((terms) => terms.map(({ loop }) => loop)));
          const all = pointsOf(stage, everything);
          const done = tiles.flatMap((tile) => pointsOf(stage, tile));
          expect(new Set(done)).toEqual(new Set(all));
          // a stage that lacks a loop is done by every core along it, and nothing else is done twice
          const copies = kernel.loops.reduce(
            (count, { name: loop }, at) => (runs.has(loop) ? count : count * (pieces[at] as number)),
            1,
          );
          if (way === "exchange" && tiles.length === pieces.reduce((product, count) => product * count, 1))
            expect(done.length).toBe(all.length * copies);
        }
        const extents = (tile: Tile): number[] =>
          kernel.loops.map(({ name: loop }) => {
            const { begin, end } = tile.get(loop) ?? { begin: 0, end: 0 };
            return end - begin;
          });
        const sum = tiles.reduce((total, tile) => total + workOf(nest, extents(tile), whole).fast, 0);
        expect(sum).toBeGreaterThanOrEqual(workOf(nest, extents(everything), whole).fast);
      }),
      { numRuns: 25 },
    );
  });

  it("count what comes over a seam, and what all cores agree on", () => {
    const pooled = kernelOf("pooling", "exchange");
    const nest = nestOf(pooled);
    const at = (h: number, w: number) =>
      workOf(
        nest,
        pooled.loops.map(({ name, size }) => (name === "h1" ? h : name === "w1" ? w : size)),
        pooled.loops.map(({ name, size }) => (name === "h1" ? size / h : name === "w1" ? size / w : 1)),
      );
    // 8 channels: 3 x 3 windows over 2 x 2 positions of a core's own
    expect(at(1, 1).exchanges).toEqual([expect.objectContaining({ words: 8 * 5, isWide: false })]);
    expect(at(3, 3).exchanges).toEqual([expect.objectContaining({ words: 8 * 13 })]);
    expect(at(6, 6).exchanges).toEqual([]);
    const quantizer = kernelOf("quantizer", "exchange");
    const { agreements } = workOf(
      nestOf(quantizer),
      quantizer.loops.map(({ name, size }) => (name === "h" ? 1 : size)),
      quantizer.loops.map(({ name, size }) => (name === "h" ? size : 1)),
    );
    expect(agreements.map(({ words }) => words)).toEqual([1, 1]);
  });
});

describe("fusion by cost", () => {
  it.each(names)("%s: places at least as fast as its layers apart, and the checker counts the same", async (name) => {
    const [apart, fused] = [buildKernelGraph(netAt(name)), buildFusedKernels(netAt(name), target)];
    const [before, after] = [await place(apart, target, {}), await place(fused, target, {})];
    expect(after.certificate.objective).toBeLessThanOrEqual(before.certificate.objective);
    expect(checkPlacement(fused, after, target)).toEqual([]);
  });

  it("is the same in every run, and leaves the graph's order", () => {
    const twice = [0, 1].map(() => printKernelGraph(buildFusedKernels(layouts, target)));
    expect(twice[0]).toBe(twice[1]);
    const { edges } = buildFusedKernels(layouts, target);
    expect(edges.every(({ from, to }) => from < to)).toBe(true);
  });
});
