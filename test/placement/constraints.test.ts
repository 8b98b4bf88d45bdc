import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { checkPlacement } from "../../compiler/placement/checker/check.ts";
import type { ConstraintRequest, PinRequest } from "../../compiler/placement/constraints/constraints.ts";
import { place, type PlaceOptions } from "../../compiler/placement/place.ts";
import { type Target, usableRect } from "../../ir/machine/target.ts";
import { WscError } from "../../ir/diagnostic.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import { type Placement, placementObjectives, type Rect } from "../../ir/placement.ts";
import { parsePlacementJson, printPlacementJson } from "../../ir/placement-json.ts";
import { parsePlacement, printPlacement } from "../../ir/placement-text.ts";
import { chainOf, convSketch, elementwiseSketch, graphOf, graphs, matmulSketch, smallTarget, softmaxSketch, targets } from "./instances.ts"; // prettier-ignore

const net = graphOf(
  [convSketch(8, 3, 8), convSketch(8, 8, 8), elementwiseSketch(512), matmulSketch(1, 512, 10), softmaxSketch(1, 10)],
  [[0, 1], [1, 2], [0, 2], [2, 3], [3, 4]], // prettier-ignore
);
const target = smallTarget(60, 50);

const placed = async (constraints: ConstraintRequest, options: PlaceOptions = {}): Promise<Placement> => {
  const placement = await place(net, target, { ...options, constraints });
  expect(checkPlacement(net, placement, target)).toEqual([]);
  return placement;
};

async function refusal(
  constraints: ConstraintRequest,
  graph: KernelGraph = net,
  machine: Target = target,
): Promise<WscError["diagnostics"]> {
  const error: unknown = await place(graph, machine, { constraints }).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof WscError)) throw new Error("it was placed");
  return error.diagnostics;
}

const meet = (a: Rect, b: Rect): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** Dead cores at fixed odds. */
const scatter = (count: number, { fabric }: Target): [number, number][] =>
  Array.from({ length: count }, (_, i) => [(i * 37 + 11) % fabric.width, (i * 53 + 29) % fabric.height]);

describe("pins", () => {
  it("keeps a layer in its rectangle and others out of it", async () => {
    const area = { x: 20, y: 10, width: 12, height: 16 };
    const { kernels, constraints } = await placed({ pins: [{ layer: "layer1", ...area }] });
    const rect = kernels[1]?.rect as Rect;
    expect(rect).toMatchObject({ x: 20, y: 10 });
    expect(rect.width).toBeLessThanOrEqual(12);
    expect(rect.height).toBeLessThanOrEqual(16);
    expect(kernels.filter(({ rect: other }) => meet(other, area))).toHaveLength(1);
    expect(constraints.pins).toEqual([{ kernel: 1, ...area, rotated: null }]);
  });

  it("puts a layer's corner where it is asked for", async () => {
    const { kernels } = await placed({ pins: [{ layer: "k3", x: 30, y: 20 }] });
    expect(kernels[3]?.rect).toMatchObject({ x: 30, y: 20 });
  });

  it("turns a layer as it is asked to", async () => {
    const area = { x: 5, y: 5, width: 30, height: 30 };
    for (const rotated of [false, true]) {
      const { kernels } = await placed({ pins: [{ layer: "layer1", ...area, rotated }] });
      expect(kernels[1]?.rotated).toBe(rotated);
    }
  });

  it("finds layers by the ONNX nodes in them", async () => {
    const graph = { ...net, kernels: net.kernels.map((k) => ({ ...k, origin: [`node${k.id}`, `relu${k.id}`] })) };
    const placement = await place(graph, target, { constraints: { pins: [{ layer: "relu2", x: 7, y: 7 }] } });
    expect(placement.kernels[2]?.rect).toMatchObject({ x: 7, y: 7 });
  });

  it("bounds the interval by what the pinned layer can do there", async () => {
    const { certificate } = await placed({ pins: [{ layer: "layer1", x: 1, y: 0, width: 4, height: 4 }] });
    const free = await placed({});
    expect(certificate.bound).toBeGreaterThan(free.certificate.objective);
    expect(certificate).toMatchObject({ status: "optimal", slowest: 1 });
  });
});

describe("blocked cores", () => {
  it("leaves a keep-out area bare, whatever its place", async () => {
    for (const area of [
      { x: 0, y: 0, width: 60, height: 20 },
      { x: 25, y: 20, width: 10, height: 10 },
      { x: 30, y: 0, width: 5, height: 50 },
    ]) {
      // prettier-ignore
      const { kernels, constraints } = await placed({ keepOut: [area] });
      expect(kernels.filter(({ rect }) => meet(rect, area))).toEqual([]);
      expect(constraints.keepOut).toEqual([area]);
    }
  });

  it("avoids scattered dead cores, with kernels and with routes", async () => {
    const deadCores = scatter(40, target);
    const placement = await placed({ deadCores });
    expect(placement.constraints.deadCores).toHaveLength(40);
    // a free wafer of these cores takes 282 cycles
    const slower = placement.certificate.objective / (await placed({})).certificate.objective;
    expect(slower).toBeLessThan(5);
  });

  it("honours the dead cores of the target itself", async () => {
    const broken = { ...target, deadCores: scatter(25, target) };
    const placement = await place(net, broken);
    expect(placement.constraints.deadCores).toHaveLength(25);
    expect(checkPlacement(net, placement, broken)).toEqual([]);
  });

  it("routes around a wall of dead cores", async () => {
    // two pinned layers side by side, between them a wall with its only gate far off
    const two = chainOf([elementwiseSketch(64), elementwiseSketch(64)]);
    const wall = Array.from({ length: 30 }, (_, y) => [12, y] as const).filter(([, y]) => y !== 25);
    const machine = smallTarget(30, 31);
    const placement = await place(two, machine, {
      constraints: {
        pins: [{ layer: "layer0", x: 2, y: 2, width: 4, height: 4 }, { layer: "layer1", x: 20, y: 2, width: 4, height: 4 }], // prettier-ignore
        deadCores: wall,
      },
    });
    expect(checkPlacement(two, placement, machine)).toEqual([]);
    expect(placement.routes[0]?.shape).toBe("yxy");
    expect(parsePlacement(printPlacement(placement))).toEqual(placement);
    expect(parsePlacementJson(printPlacementJson(placement))).toEqual(placement);
  });
});

describe("co-location", () => {
  it("makes layers touch", async () => {
    await placed({ coLocate: [["layer0", "layer4"]] });
    await placed({ coLocate: [["layer0", "layer3", "layer2"], ["layer1", "layer4"]] }); // prettier-ignore
    await placed({ coLocate: [["layer0", "layer1", "layer2", "layer3", "layer4"]] });
  });

  it("makes layers touch a pinned one", async () => {
    const pins: PinRequest[] = [{ layer: "layer2", x: 25, y: 25, width: 6, height: 6 }];
    await placed({ pins, coLocate: [["layer0", "layer2", "layer4"]] });
  });

  it("makes layers touch among dead cores", async () => {
    await placed({ coLocate: [["layer0", "layer4"], ["layer1", "layer3"]], deadCores: scatter(20, target) }); // prettier-ignore
  });
});

describe("an earlier placement", () => {
  it("is kept whole where nothing changed", async () => {
    const old = await placed({});
    const again = await placed({}, { from: old });
    expect(again).toEqual(old);
  });

  it("keeps what it can when a core dies under one layer", async () => {
    const old = await placed({});
    const { x, y } = old.kernels[3]?.rect as Rect;
    const { kernels, certificate } = await placed({ deadCores: [[x, y]] }, { from: old });
    expect(certificate.movement).toMatchObject({ added: 0 });
    expect(certificate.movement?.moved).toBeLessThanOrEqual(3);
    expect(certificate.movement?.kept).toBe(kernels.filter((k) => JSON.stringify(k.rect) === JSON.stringify(old.kernels[k.kernel]?.rect)).length); // prettier-ignore
  });

  it("places a layer that is new among those that stay", async () => {
    const machine = smallTarget(80, 60);
    const old = await place(net, machine, { constraints: { keepOut: [{ x: 60, y: 0, width: 20, height: 60 }] } });
    const grown = graphOf(
      [...[convSketch(8, 3, 8), convSketch(8, 8, 8), elementwiseSketch(512), matmulSketch(1, 512, 10), softmaxSketch(1, 10)], softmaxSketch(4, 10)], // prettier-ignore
      [[0, 1], [1, 2], [0, 2], [2, 3], [3, 4], [3, 5]], // prettier-ignore
    );
    const placement = await place(grown, machine, { from: old });
    expect(checkPlacement(grown, placement, machine)).toEqual([]);
    expect(placement.certificate.movement).toMatchObject({ added: 1 });
    expect(placement.certificate.movement?.kept).toBeGreaterThanOrEqual(3);
  });

  it("gives way where keeping everything would cost too much speed", async () => {
    // the old placement used a corner of the wafer only, and the new layer needs most of it
    const old = await place(net, target, { constraints: { keepOut: [{ x: 20, y: 0, width: 40, height: 50 }] } });
    const free = await placed({});
    const again = await placed({}, { from: old });
    expect(again.certificate.objective).toBeLessThanOrEqual(Math.max(old.certificate.objective, free.certificate.objective) * 1.1); // prettier-ignore
  });
});

describe("objectives", () => {
  it("are each better in their own measure than throughput's placement, and honest about it", async () => {
    const usual = await placed({});
    const cores = usual.kernels.reduce((sum, { rect }) => sum + rect.width * rect.height, 0);
    const latency = await placed({}, { objective: "latency" });
    expect(latency.certificate.goal).toMatchObject({ kind: "latency", value: latency.certificate.latencyCycles });
    expect(latency.certificate.latencyCycles).toBeLessThan(usual.certificate.latencyCycles);
    const few = await placed({}, { objective: "cores" });
    expect(few.certificate.goal).toMatchObject({ kind: "cores", status: "optimal" });
    expect(few.certificate.goal.value).toBeLessThan(cores / 2);
    const wire = await placed({}, { objective: "wire" });
    expect(wire.certificate.wireLength).toBeLessThan(usual.certificate.wireLength / 2);
    for (const { certificate } of [latency, few, wire]) {
      expect(certificate.goal.bound).toBeLessThanOrEqual(certificate.goal.value);
    }
  });

  it("keep to a limit on the interval", async () => {
    const free = await placed({}, { objective: "cores" });
    const limited = await placed({ maxInterval: 2_000 }, { objective: "cores" });
    expect(limited.certificate.objective).toBeLessThanOrEqual(2_000);
    expect(limited.certificate.goal.value).toBeGreaterThan(free.certificate.goal.value);
  });

  it("prove the least wires of a chain of strips", async () => {
    const chain = chainOf([elementwiseSketch(8), elementwiseSketch(8), elementwiseSketch(8)]);
    const placement = await place(chain, target, { objective: "wire" });
    expect(placement.certificate.goal).toMatchObject({ value: 2, bound: 2, status: "optimal" });
  });

  it("bound latency by a program that agrees with trying all choices", async () => {
    const chain = chainOf([matmulSketch(1, 40, 20), matmulSketch(1, 20, 30), elementwiseSketch(30)]);
    const machine = smallTarget(9, 8);
    const { certificate } = await place(chain, machine, { objective: "latency" });
    expect(certificate.goal.bound).toBeLessThanOrEqual(certificate.latencyCycles);
    expect(certificate.goal.gap).toBeLessThan(0.2);
  });
});

describe("constraints that cannot be met", () => {
  it("names unknown layers with near ones, all at once", async () => {
    const faults = await refusal({ pins: [{ layer: "lajer1", x: 5, y: 5 }], coLocate: [["layer0", "nobody's"]] });
    expect(faults.map(({ code }) => code)).toEqual(["WSC5005", "WSC5005"]);
    expect(faults[0]?.hint).toContain('did you mean "layer1"');
    expect(faults[1]?.message).toContain("nobody's");
  });

  it("refuses what is not on the fabric", async () => {
    const faults = await refusal({
      pins: [{ layer: "layer0", x: 58, y: 5, width: 10, height: 10 }],
      keepOut: [{ x: 60, y: 0, width: 5, height: 5 }],
      deadCores: [[3, 50]],
    });
    expect(faults.map(({ message }) => message)).toEqual([
      expect.stringContaining("outside the usable columns 1..58"),
      expect.stringContaining("keep-out 1 is 5 x 5 at (60, 0), not on small's fabric"),
      expect.stringContaining("dead core (3, 50)"),
    ]);
  });

  it("refuses a layer pinned twice or grouped twice", async () => {
    const faults = await refusal({
      pins: [{ layer: "layer0", x: 5, y: 5 }, { layer: "k0", x: 9, y: 9 }], // prettier-ignore
      coLocate: [["layer1", "layer2"], ["layer2", "layer3"]], // prettier-ignore
    });
    expect(faults.map(({ message }) => message)).toEqual([
      'layer "layer0" is pinned twice',
      expect.stringContaining('layer "layer2" is in two co-located groups'),
    ]);
  });

  it("names pins that overlap each other, a keep-out area or a dead core", async () => {
    const faults = await refusal({
      pins: [
        { layer: "layer0", x: 5, y: 5, width: 8, height: 8 },
        { layer: "layer1", x: 10, y: 10, width: 8, height: 8 },
      ],
      keepOut: [{ x: 40, y: 40, width: 2, height: 2 }, { x: 16, y: 16, width: 9, height: 9 }], // prettier-ignore
      deadCores: [[6, 6]],
    });
    expect(faults.map(({ code }) => code)).toEqual(["WSC5002", "WSC5002", "WSC5002"]);
    expect(faults.map(({ message }) => message)).toEqual([
      'the pin of layer "layer0" overlaps the pin of layer "layer1" in 9 cores, 3 x 3 at (10, 10)',
      'the pin of layer "layer0" overlaps a dead core in 1 core, 1 x 1 at (6, 6)',
      'the pin of layer "layer1" overlaps keep-out 2 in 4 cores, 2 x 2 at (16, 16)',
    ]);
  });

  it("says which rectangle a pinned layer would need", async () => {
    const heavy = chainOf([matmulSketch(1, 400, 400), elementwiseSketch(16)]);
    const faults = await refusal({ pins: [{ layer: "layer0", x: 5, y: 5, width: 2, height: 2 }] }, heavy);
    expect(faults[0]).toMatchObject({ code: "WSC5002", subject: 'matmul "layer0"' });
    const [, width = "", height = ""] = /a rectangle of (\d+) x (\d+) would do/.exec(faults[0]?.hint ?? "") ?? [];
    await expect(
      place(heavy, target, { constraints: { pins: [{ layer: "layer0", x: 5, y: 5, width: Number(width), height: Number(height) }] } }), // prettier-ignore
    ).resolves.toBeDefined();
  });

  it("says what a limit on the interval would have to be", async () => {
    const fastest = Math.max(...(await placed({})).kernels.map(({ variant }) => variant.cycles));
    const faults = await refusal({ maxInterval: 3 });
    expect(faults[0]?.message).toMatch(/cannot keep to 3 cycles between samples/);
    expect(Number(/--max-interval (\d+)/.exec(faults[0]?.hint ?? "")?.[1])).toBeLessThanOrEqual(fastest);
  });

  it("says how many cores constraints take when the rest is too few", async () => {
    const heavy = chainOf(Array.from({ length: 12 }, () => matmulSketch(1, 512, 512)));
    const { x, y, width, height } = usableRect(target);
    const keepOut = [{ x, y, width, height: height - 2 }];
    const faults = await refusal({ keepOut }, heavy);
    expect(faults[0]?.code).toBe("WSC5002");
    expect(faults[0]?.message).toContain(`${2 * width} are usable (constraints take ${width * (height - 2)} of ${width * height})`); // prettier-ignore
  });
});

/** Random requests on a target; many cannot be met. */
const requests = (graph: KernelGraph, { fabric }: Target): fc.Arbitrary<ConstraintRequest> => {
  const layer = fc.nat(graph.kernels.length - 1).map((id) => `k${id}`);
  const x = fc.nat(fabric.width - 1);
  const y = fc.nat(fabric.height - 1);
  const side = fc.integer({ min: 1, max: 20 });
  const corner = fc.record({ layer, x, y });
  const rectangle = fc.record({ layer, x, y, width: side, height: side });
  return fc.record(
    {
      pins: fc.uniqueArray(fc.oneof(corner, rectangle), { maxLength: 2, selector: (pin) => pin.layer }),
      keepOut: fc.array(fc.record({ x, y, width: side, height: side }), { maxLength: 2 }),
      deadCores: fc.array(fc.tuple(x, y), { maxLength: 12 }),
      coLocate: fc.uniqueArray(layer, { maxLength: 4 }).map((group) => (group.length < 2 ? [] : [group])),
      maxInterval: fc.integer({ min: 100, max: 100_000 }),
    },
    { requiredKeys: [] },
  );
};

it("places random graphs under random constraints and objectives legally, or says why not", async () => {
  let done = 0;
  let refused = 0;
  const cases = fc.tuple(graphs, targets).chain(([graph, machine]) =>
    fc.record({
      graph: fc.constant(graph),
      machine: fc.constant(machine),
      constraints: requests(graph, machine),
      objective: fc.constantFrom(...placementObjectives),
    }),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ({ graph, machine, constraints, objective }) => {
      let placement: Placement;
      try {
        placement = await place(graph, machine, { constraints, objective, timeLimitSeconds: 1 });
      } catch (error) {
        if (!(error instanceof WscError)) throw error;
        for (const { code } of error.diagnostics) expect(["WSC5002", "WSC5005"]).toContain(code);
        refused++;
        return;
      }
      done++;
      expect(checkPlacement(graph, placement, machine)).toEqual([]);
      expect(parsePlacement(printPlacement(placement))).toEqual(placement);
      expect(parsePlacementJson(printPlacementJson(placement))).toEqual(placement);
    }),
    { numRuns: 80, seed: 11 },
  );
  expect(done).toBeGreaterThan(15);
  expect(refused).toBeGreaterThan(10);
});
