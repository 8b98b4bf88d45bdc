import { beforeAll, describe, expect, it } from "@jest/globals";
import { checkPlacement } from "../../compiler/placement/checker/check.ts";
import { certify } from "../../compiler/placement/certificate.ts";
import { place } from "../../compiler/placement/place.ts";
import { usableRect } from "../../ir/machine/target.ts";
import { costOf, siteOf, type Variant } from "../../ir/machine/cost.ts";
import type { Kernel } from "../../ir/kernel-graph.ts";
import type { Mapping } from "../../ir/machine/mapping.ts";
import { nestOf } from "../../ir/machine/work.ts";
import { oneCopy, type PlacedKernel, type Placement, type Route } from "../../ir/placement.ts";
import { convSketch, elementwiseSketch, graphOf, matmulSketch, smallTarget } from "./instances.ts";

const target = smallTarget(40, 40);
const graph = graphOf(
  [convSketch(8, 3, 16), convSketch(8, 16, 16), elementwiseSketch(1024), matmulSketch(1, 1024, 64)],
  [[0, 1], [1, 2], [0, 2], [2, 3]], // prettier-ignore
);

let legal: Placement;
beforeAll(async () => {
  legal = await place(graph, target);
});

const faultsOf = (placement: Placement): string[] =>
  checkPlacement(graph, placement, target).map(({ subject, message }) => `${subject ?? ""}: ${message}`);

function withKernel(id: number, change: (kernel: PlacedKernel) => Partial<PlacedKernel>): Placement {
  return {
    ...legal,
    kernels: legal.kernels.map((kernel) => (kernel.kernel === id ? { ...kernel, ...change(kernel) } : kernel)),
  };
}

function withRoute(edge: number, change: (route: Route) => Partial<Route>): Placement {
  return {
    ...legal,
    routes: legal.routes.map((route) => (route.edge === edge ? { ...route, ...change(route) } : route)),
  };
}

describe("checkPlacement", () => {
  it("accepts the placer's work", () => {
    expect(faultsOf(legal)).toEqual([]);
  });

  it("reports as WSC5003", () => {
    const diagnostics = checkPlacement(graph, { ...legal, routes: [] }, target);
    expect(diagnostics.map(({ code }) => code)).toEqual(["WSC5003"]);
  });

  const moved = (id: number, to: (rect: PlacedKernel["rect"]) => Partial<PlacedKernel["rect"]>): Placement =>
    withKernel(id, ({ rect }) => ({ rect: { ...rect, ...to(rect) } }));

  const mutations: readonly (readonly [string, () => Placement, RegExp])[] = [
    ["a kernel on another", () => moved(1, () => ({ x: legal.kernels[0]?.rect.x ?? 0, y: legal.kernels[0]?.rect.y ?? 0 })), /overlaps/],
    ["a kernel in the I/O rim", () => moved(0, () => ({ x: 0 })), /not inside the usable/],
    ["a kernel beyond the last row", () => moved(3, () => ({ y: 39 })), /not inside the usable/],
    ["a rectangle unlike its variant", () => moved(2, (rect) => ({ width: rect.width + 1 })), /its variant/],
    ["a turn that is not recorded", () => withKernel(3, (k) => ({ rect: { ...k.rect, width: k.rect.height, height: k.rect.width + 1 } })), /its variant/], // prettier-ignore
    ["kernels in another order", () => withKernel(0, () => ({ kernel: 1 })), /stands where kernel 0 belongs/],
    ["a core with too much in it", () => withKernel(1, (k) => ({ variant: { ...k.variant, sram: { ...k.variant.sram, buffers: 50_000 } } })), /fullest core/], // prettier-ignore
    ["less SRAM than the weights need", () => withKernel(3, (k) => ({ variant: { ...k.variant, sram: { ...k.variant.sram, weights: 1 } } })), /cannot hold/], // prettier-ignore
    ["a negative amount", () => withKernel(1, (k) => ({ variant: { ...k.variant, sram: { ...k.variant.sram, code: -1 } } })), /take -1/], // prettier-ignore
    ["a missing kernel", () => ({ ...legal, kernels: legal.kernels.slice(1) }), /3 kernels and 4 routes for 4 kernels/],
    ["a missing route", () => ({ ...legal, routes: legal.routes.slice(1) }), /3 routes/],
    ["a route for another edge", () => withRoute(1, () => ({ edge: 2 })), /not the route of edge 1/],
    ["a route between other kernels", () => withRoute(1, () => ({ to: 3 })), /not the route of edge 1/],
    ["a reserved color", () => withRoute(0, () => ({ color: 22 })), /not one that routes may use/],
    ["a kernel's own color", () => withRoute(0, () => ({ color: 0 })), /not one that routes may use/],
    ["a color beyond the router's", () => withRoute(0, () => ({ color: 24 })), /not one that routes may use/],
    ["no lanes", () => withRoute(0, () => ({ lanes: 0 })), /0 lanes/],
    ["more lanes than the producer has rows or columns", () => withRoute(0, (r) => ({ lanes: r.lanes + 40 })), /outside its producer|leaves the fabric|lanes/],
    ["a start outside the producer", () => withRoute(3, () => ({ fromX: 39, fromY: 39 })), /outside its producer/],
    ["an end outside the consumer", () => withRoute(3, () => ({ toX: 0, toY: 0 })), /outside its/],
    ["an end that is no core", () => withRoute(3, () => ({ toX: 0.5 })), /leaves the fabric/],
    ["an interval shorter than a kernel's time", () => ({ ...legal, certificate: { ...legal.certificate, objective: 1, bound: 1, gap: 0 } }), /claims an interval of 1/],
    ["a bound above the objective", () => ({ ...legal, certificate: { ...legal.certificate, bound: legal.certificate.objective + 1 } }), /above its objective/], // prettier-ignore
    ["a gap that does not follow", () => ({ ...legal, certificate: { ...legal.certificate, gap: 0.9 } }), /does not follow/],
  ]; // prettier-ignore

  it.each(mutations)("rejects %s", (_, mutate, expected) => {
    const faults = faultsOf(mutate());
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.join("\n")).toMatch(expected);
  });

  it("rejects two edges that share a color on a router", () => {
    const crossing = legal.routes.find(({ edge }) => edge === 2);
    const clash = {
      ...legal,
      routes: legal.routes.map((route) =>
        route.edge === 0 && crossing !== undefined ? { ...crossing, edge: 0, to: 1, from: 0 } : route,
      ),
    };
    expect(faultsOf(clash).length).toBeGreaterThan(0);
  });

  it("rejects a bend whose lanes cross", () => {
    // a hand-made placement: three lanes from (1,1)-(3,3) to (5,5)-(7,7), which must nest
    const wide = smallTarget(12, 12);
    const two = graphOf([elementwiseSketch(64), elementwiseSketch(64)], [[0, 1]]);
    const mapping: Mapping = {
      height: 3,
      width: 3,
      rows: [{ loop: "i0", pieces: 3 }],
      columns: [{ loop: "i0", pieces: 3 }],
      reduce: "chain",
    };
    const variant: Variant = { mapping, ...costOf(siteOf(wide, nestOf(two.kernels[0] as Kernel)), mapping) };
    const kernel = (id: number, x: number, y: number): PlacedKernel => ({
      kernel: id,
      name: `layer${id}`,
      family: "elementwise",
      rect: { x, y, width: 3, height: 3 },
      rotated: false,
      variant,
    });
    const route: Route = {
      edge: 0,
      from: 0,
      to: 1,
      color: 7,
      lanes: 3,
      shape: "xy",
      fromX: 3,
      fromY: 1,
      toX: 5,
      toY: 6,
    };
    const kernels = [kernel(0, 1, 1), kernel(1, 5, 5)];
    const certificate = certify({
      graph: two,
      target: wide,
      kernels,
      routing: { routes: [route], fullestLink: 64 / 3 },
      copies: oneCopy,
      bound: 50,
      solver: "none",
      seed: 0,
      objective: "throughput",
      goalBound: 50,
      movement: null,
    });
    const usable = usableRect(wide);
    const base: Placement = { ...legal, target: { ...legal.target, width: 12, height: 12, usable }, kernels, routes: [route], certificate }; // prettier-ignore
    expect(checkPlacement(two, base, wide)).toEqual([]);
    // ending in the row of the middle lane, one lane would have to go up and meet it
    const crossed = { ...base, kernels: [kernel(0, 1, 5), kernel(1, 5, 5)], routes: [{ ...route, fromY: 5, toY: 6 }] };
    expect(checkPlacement(two, crossed, wide)[0]?.message).toMatch(/color 7 at router/);
  });
});

describe("checkPlacement with constraints", () => {
  let bound: Placement;
  beforeAll(async () => {
    bound = await place(graph, target, {
      constraints: {
        pins: [
          { layer: "layer3", x: 20, y: 20, width: 15, height: 15, rotated: false },
          { layer: "layer2", x: 5, y: 30 },
        ],
        keepOut: [{ x: 30, y: 2, width: 5, height: 5 }],
        deadCores: [[10, 10], [37, 37]], // prettier-ignore
        coLocate: [["layer0", "layer1"]],
        maxInterval: 5_000,
      },
    });
  });

  const faultsNow = (placement: Placement): string =>
    checkPlacement(graph, placement, target)
      .map(({ subject, message }) => `${subject ?? ""}: ${message}`)
      .join("\n");

  const moved = (id: number, to: Partial<PlacedKernel["rect"]>): Placement => ({
    ...bound,
    kernels: bound.kernels.map((kernel) => (kernel.kernel === id ? { ...kernel, rect: { ...kernel.rect, ...to } } : kernel)), // prettier-ignore
  });
  const asked = (changes: Partial<Placement["constraints"]>): Placement => ({
    ...bound,
    constraints: { ...bound.constraints, ...changes },
  });
  const goal = (changes: Partial<Placement["certificate"]["goal"]>): Placement => ({
    ...bound,
    certificate: { ...bound.certificate, goal: { ...bound.certificate.goal, ...changes } },
  });
  const pin = (index: number): Placement["constraints"]["pins"][number] => {
    const found = bound.constraints.pins[index];
    if (found === undefined) throw new Error("no such pin");
    return found;
  };

  it("accepts what keeps to them", () => {
    expect(faultsNow(bound)).toBe("");
  });

  const centre = (id: number): { x: number; y: number } => {
    const { x, y, width, height } = bound.kernels[id]?.rect as PlacedKernel["rect"];
    return { x: x + (width >> 1), y: y + (height >> 1) };
  };
  const wayOf = (edge: number): { x: number; y: number } => {
    const { fromX, fromY } = bound.routes[edge] as Route;
    return { x: fromX, y: fromY };
  };

  const mutations: readonly (readonly [string, () => Placement, RegExp])[] = [
    ["a layer outside its pinned rectangle", () => moved(3, { x: 1, y: 1 }), /outside its pin 15 x 15 at \(20, 20\)/],
    ["a guest in a pinned rectangle", () => moved(2, { x: 33, y: 33 }), /lies in the rectangle that kernel 3/],
    ["a corner that is elsewhere", () => asked({ pins: [{ ...pin(1), x: 6 }] }), /pinned to begin at \(6, 30\)/],
    ["a layer turned against its pin", () => asked({ pins: [{ ...pin(0), rotated: true }] }), /against its pin/],
    ["a pin of no layer", () => asked({ pins: [{ ...pin(0), kernel: 9 }] }), /does not exist/],
    ["a layer on a keep-out area", () => asked({ keepOut: [{ ...centre(0), width: 1, height: 1 }] }), /lies on keep-out 1/], // prettier-ignore
    ["a layer on a dead core", () => asked({ deadCores: [centre(1)] }), /lies on the dead core/],
    ["a route through a dead router", () => asked({ deadCores: [wayOf(1)] }), /which is dead|dead core/],
    ["co-located layers apart", () => asked({ coLocate: [[2, 3]] }), /does not touch/],
    ["a group with a layer that does not exist", () => asked({ coLocate: [[0, 7]] }), /not all of them exist/],
    ["an interval above its limit", () => asked({ maxInterval: 1 }), /1 are allowed/],
    ["a goal that was not reached", () => goal({ kind: "cores", value: 1, bound: 1, gap: 0 }), /claims 1 for cores/],
    ["a wire length made up", () => goal({ kind: "wire", value: 1, bound: 1, gap: 0 }), /claims 1 for wire/],
    ["a goal's bound above its value", () => goal({ bound: bound.certificate.objective + 5 }), /bound \d+ on throughput is above/], // prettier-ignore
    ["a goal's gap made up", () => goal({ gap: 0.7 }), /gap 0.7 in throughput does not follow/],
    ["more colors than a router holds", () => ({ ...bound, kernels: bound.kernels.map((k) => ({ ...k, variant: { ...k.variant, colors: 21 } })) }), /would hold \d+ colors/], // prettier-ignore
    ["a middle leg that its shape has no use for", () => ({ ...bound, routes: bound.routes.map((r) => ({ ...r, via: [3] })) }), /a leg too many/], // prettier-ignore
    ["a missing middle leg", () => ({ ...bound, routes: bound.routes.map((r) => ({ ...r, shape: "xyx" as const })) }), /no middle leg/], // prettier-ignore
  ];

  it.each(mutations)("rejects %s", (_, mutate, expected) => {
    expect(faultsNow(mutate())).toMatch(expected);
  });

  it("honours dead cores that only the target knows", () => {
    const { x, y } = centre(0);
    const faults = checkPlacement(graph, bound, { ...target, deadCores: [[x, y]] });
    expect(faults.map(({ message }) => message).join("\n")).toContain(`lies on the dead core (${x}, ${y})`);
  });
});
