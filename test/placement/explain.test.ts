import { describe, expect, it } from "@jest/globals";
import { type Binding, explainPlacement, type Explanation } from "../../compiler/placement/explain/explain.ts";
import { printExplanation } from "../../compiler/placement/explain/explain-text.ts";
import { place, placePrepared, type PlaceOptions } from "../../compiler/placement/place.ts";
import { prepare } from "../../compiler/placement/prepare.ts";
import type { Target } from "../../ir/machine/target.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import { chainOf, convSketch, elementwiseSketch, graphOf, matmulSketch, smallTarget } from "./instances.ts";

const net = graphOf(
  [convSketch(8, 3, 16), convSketch(8, 16, 16), elementwiseSketch(1024), matmulSketch(1, 1024, 64)],
  [[0, 1], [1, 2], [0, 2], [2, 3]], // prettier-ignore
);

async function explained(graph: KernelGraph, target: Target, options: PlaceOptions = {}): Promise<Explanation> {
  const prepared = prepare(graph, target, options);
  return explainPlacement(prepared, await placePrepared(prepared, options));
}

/** Changes the target as an explanation says, and gives the change. */
function changeOf({ changes }: Explanation, what: string): Explanation["changes"][number] {
  const change = changes.find((one) => one.what === what);
  if (change === undefined) throw new Error(`${what} is not among ${changes.map((one) => one.what).join(", ")}`);
  return change;
}

/** Every one of `count` layers feeds every one of as many others. */
function crossbar(count: number, elements: number): KernelGraph {
  const ids = Array.from({ length: count }, (_, id) => id);
  return graphOf(
    Array.from({ length: 2 * count }, () => elementwiseSketch(elements)),
    ids.flatMap((from) => ids.map((to) => [from, count + to] as const)),
  );
}

const wide = (target: Target, wordsPerCycle: number): Target => ({
  ...target,
  link: { ...target.link, cyclesPerWord: 1 / wordsPerCycle },
});

describe("explainPlacement", () => {
  it("names a pinned rectangle, and what goes without it", async () => {
    const pins = [{ layer: "layer1", x: 2, y: 2, width: 4, height: 4 }];
    const free = await place(net, smallTarget(40, 40));
    const told = await explained(net, smallTarget(40, 40), { constraints: { pins } });
    expect(told).toMatchObject({ binding: "pin", layer: "layer1" });
    const change = changeOf(told, "pins");
    expect(change).toMatchObject({ to: 0, before: told.figures.boundCycles });
    expect(change.after).toBeLessThanOrEqual(free.certificate.objective);
  });

  it("names the wafer's edge, and the least bandwidth that helps", async () => {
    const slow = smallTarget(40, 40, { io: { columnsWest: 1, columnsEast: 1, rowsNorth: 0, rowsSouth: 1, bytesPerSecond: 2e8 } }); // prettier-ignore
    const told = await explained(net, slow);
    expect(told).toMatchObject({ binding: "io", layer: null });
    const { to, after, before } = changeOf(told, "io.bytesPerSecond");
    expect(to).toBeLessThan(2e8 * 1.1);
    const better = await place(net, { ...slow, io: { ...slow.io, bytesPerSecond: to } });
    expect(better.certificate.ioCycles).toBeLessThan(before);
    expect(better.certificate.bound).toBe(after);
  });

  it("names a layer whose loops cannot be cut further", async () => {
    const told = await explained(chainOf([elementwiseSketch(4), elementwiseSketch(4)]), smallTarget(60, 60));
    expect(told.binding).toBe("kernel");
    expect(told.reason).toContain("no cut of its loops is faster");
  });

  it("names the area where all cores are taken, and the cores and SRAM that help", async () => {
    // columns of equal layers that fill the wafer completely
    const told = await explained(
      chainOf(Array.from({ length: 6 }, () => matmulSketch(8, 96, 96))),
      smallTarget(26, 25),
    );
    expect(told.binding).toBe("area");
    const { from, to, before, after } = changeOf(told, "usable cores");
    expect(to).toBeGreaterThan(from);
    expect(after).toBeLessThan(before);
    expect(told.reason).toContain(`${from}`);
  });

  it("names the rectangles where the area would do, and rows that help", async () => {
    const graph = chainOf(Array.from({ length: 5 }, (_, i) => matmulSketch(4, 60 + 7 * i, 50 + 11 * i)));
    const told = await explained(graph, smallTarget(17, 16), { timeLimitSeconds: 2 });
    expect(told.binding).toBe("packing");
    expect(told.reason).toMatch(/by area \d+ cycles are possible \(\d+ of \d+ cores\)/);
    const { from, to, after } = changeOf(told, "fabric.height");
    const grown = await place(graph, smallTarget(17, 16 + to - from), { timeLimitSeconds: 2 });
    expect(grown.certificate.objective).toBeLessThanOrEqual(after);
  });

  it("names the fullest link and its edges, and the words per cycle that help", async () => {
    const target = smallTarget(20, 20, { colors: { perRouter: 12, reserved: [], kernel: 4 } });
    const told = await explained(crossbar(8, 400), target);
    expect(told).toMatchObject({ binding: "link", layer: expect.stringMatching(/^layer\d+ -> layer\d+$/) as unknown });
    expect(told.reason).toMatch(/the fullest link at \(\d+, \d+\) \w+ carries \d+ words a sample, of layer\d+ -> /);
    const { to, before, after } = changeOf(told, "words per link and cycle");
    expect(after).toBeLessThan(before);
    const better = await place(crossbar(8, 400), wide(target, to));
    expect(better.certificate.objective).toBeLessThan(before);
  });

  it("tells a limit on the interval from SRAM where few cores are wanted", async () => {
    const free = await explained(net, smallTarget(40, 40), { objective: "cores" });
    expect(["memory", "kernel"]).toContain(free.binding);
    const limited = await explained(net, smallTarget(40, 40), {
      objective: "cores",
      constraints: { maxInterval: 3000 },
    });
    expect(limited.binding).toBe("limit");
    const { to, after, before } = changeOf(limited, "--max-interval");
    const better = await place(net, smallTarget(40, 40), { objective: "cores", constraints: { maxInterval: to } });
    expect(better.certificate.goal.bound).toBe(after);
    expect(after).toBeLessThan(before);
  });

  it("names layers that stay where they were", async () => {
    const target = smallTarget(60, 50);
    const old = await place(net, target, {
      constraints: { pins: [{ layer: "layer1", x: 2, y: 2, width: 10, height: 10 }] },
    });
    const told = await explained(net, target, { from: old });
    expect(told).toMatchObject({ binding: "movement", layer: "layer1" });
    const free = await place(net, target);
    expect(changeOf(told, "--from").after).toBeLessThanOrEqual(old.certificate.objective);
    expect(free.certificate.objective).toBeLessThan(old.certificate.objective);
  });

  it.each(["latency", "wire"] as const)("names what has most of %s", async (objective) => {
    const told = await explained(net, smallTarget(40, 40), { objective });
    const expected: readonly Binding[] = ["area", "packing", "kernel"];
    expect(expected).toContain(told.binding);
    expect(told.reason).toMatch(
      objective === "latency" ? /has the longest latency, \d+ of \d+/ : /is the longest wire/,
    );
  });

  it("counts what the placement has", async () => {
    const target = smallTarget(40, 40);
    const placement = await place(net, target);
    const { figures } = explainPlacement(prepare(net, target), placement);
    expect(figures).toMatchObject({
      intervalCycles: placement.certificate.objective,
      coresUsed: placement.kernels.reduce((sum, { rect }) => sum + rect.width * rect.height, 0),
      sramCapacity: target.core.sramBytes,
      routerCapacity: 24,
      linkCapacity: 1,
    });
    expect(figures.linkWordsPerCycle).toBeLessThanOrEqual(1);
    expect(figures.routerColors).toBeLessThanOrEqual(24);
  });

  it("prints lines that people can read", async () => {
    const pins = [{ layer: "layer1", x: 2, y: 2, width: 4, height: 4 }];
    const told = await explained(net, smallTarget(40, 40), { constraints: { pins } });
    expect(printExplanation(told)).toMatchGolden("placement/pinned.explanation");
  });

  it("tries as many changes as its effort allows, and says when some were left out", async () => {
    const graph = chainOf(Array.from({ length: 6 }, () => matmulSketch(8, 96, 96)));
    const prepared = prepare(graph, smallTarget(26, 25));
    const placement = await placePrepared(prepared);
    const whole = explainPlacement(prepared, placement);
    const none = explainPlacement(prepared, placement, { effortSeconds: 0 });
    const part = explainPlacement(prepared, placement, { effortSeconds: 0.01 });
    expect([whole.isComplete, part.isComplete, none.isComplete]).toEqual([true, false, false]);
    expect({ ...none, changes: [], isComplete: true }).toEqual({ ...whole, changes: [] });
    // nothing but cores, which no variants have to be listed for
    expect(new Set(none.changes.map(({ what }) => what))).toEqual(new Set(["usable cores"]));
    expect(whole.changes).toEqual(expect.arrayContaining([...none.changes]));
    expect(explainPlacement(prepared, placement, { effortSeconds: 0.01 })).toEqual(part);
    expect(printExplanation(part)).toContain("the time limit ended before all changes were tried");
  });

  it("ends at a deadline", async () => {
    const prepared = prepare(net, smallTarget(40, 40));
    const placement = await placePrepared(prepared);
    expect(explainPlacement(prepared, placement, { deadline: 0 }).isComplete).toBe(false);
  });

  it("has nothing to explain where nothing is placed", async () => {
    const told = await explained(chainOf([]), smallTarget(8, 8));
    expect(printExplanation(told)).toContain("nothing is placed");
  });
});
