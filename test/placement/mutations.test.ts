/** Faults put into random legal placements, one at a time: the checker has to find each of them. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { checkPlacement } from "../../compiler/placement/checker/check.ts";
import { place } from "../../compiler/placement/place.ts";
import { walk } from "../../compiler/placement/routing/route-geometry.ts";
import { type Target, usableRect } from "../../ir/machine/target.ts";
import { WscError } from "../../ir/diagnostic.ts";
import { type Kernel, type KernelGraph, weightBytes } from "../../ir/kernel-graph.ts";
import { laneOf, type Certificate, type PlacedKernel, type Placement, type PlacementConstraints, type Rect, type Route } from "../../ir/placement.ts"; // prettier-ignore
import { graphs, targets } from "./instances.ts";

/** A legal placement, and numbers to choose by. */
interface Case {
  readonly graph: KernelGraph;
  readonly target: Target;
  readonly placement: Placement;
  readonly choice: number;
}

/** What is checked in the end; null where a case has nothing to break. */
type Mutation = (
  given: Case,
) => { readonly placement: Placement; readonly target?: Target; readonly graph?: KernelGraph } | null;

const pick = <T>(list: readonly T[], choice: number): T | null => list[choice % Math.max(1, list.length)] ?? null;

const onKernel =
  (change: (kernel: PlacedKernel, given: Case) => Partial<PlacedKernel> | null): Mutation =>
  (given) => {
    const { placement, choice } = given;
    const chosen = pick(placement.kernels, choice);
    const changed = chosen === null ? null : change(chosen, given);
    if (chosen === null || changed === null) return null;
    return {
      placement: {
        ...placement,
        kernels: placement.kernels.map((one) => (one === chosen ? { ...one, ...changed } : one)),
      },
    };
  };

const onRoute =
  (change: (route: Route, given: Case) => Partial<Route> | null): Mutation =>
  (given) => {
    const { placement, choice } = given;
    const chosen = pick(placement.routes, choice);
    const changed = chosen === null ? null : change(chosen, given);
    if (chosen === null || changed === null) return null;
    return {
      placement: {
        ...placement,
        routes: placement.routes.map((one) => (one === chosen ? { ...one, ...changed } : one)),
      },
    };
  };

const onConstraints =
  (change: (given: Case) => Partial<PlacementConstraints> | null): Mutation =>
  (given) => {
    const changed = change(given);
    const { placement } = given;
    if (changed === null) return null;
    return { placement: { ...placement, constraints: { ...placement.constraints, ...changed } } };
  };

const onCertificate =
  (change: (certificate: Certificate) => Partial<Certificate> | null): Mutation =>
  ({ placement }) => {
    const changed = change(placement.certificate);
    return changed === null
      ? null
      : { placement: { ...placement, certificate: { ...placement.certificate, ...changed } } };
  };

const routersOf = (route: Route): readonly string[] => {
  const seen: string[] = [];
  walk(route, (x, y) => seen.push(`${x} ${y}`));
  return seen;
};

/** A color that a route of another value has on one of this route's routers. */
function foreignColor(route: Route, { graph, placement }: Case): Partial<Route> | null {
  const own = new Set(routersOf(route));
  const value = graph.edges[route.edge]?.stream;
  const clash = placement.routes.find(
    (other) =>
      graph.edges[other.edge]?.stream !== value &&
      other.color !== route.color &&
      routersOf(other).some((router) => own.has(router)),
  );
  return clash === undefined ? null : { color: clash.color };
}

const touch = (a: Rect, b: Rect): boolean => {
  const columns = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const rows = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return (columns > 0 && rows === 0) || (rows > 0 && columns === 0);
};

/** Two kernels that do not touch, nor with each other's help. */
function strangers({ placement }: Case): readonly (readonly number[])[] | null {
  for (const a of placement.kernels) {
    const b = placement.kernels.find((one) => one !== a && !touch(a.rect, one.rect));
    if (b !== undefined) return [[a.kernel, b.kernel]];
  }
  return null;
}

function coreOf({ placement, choice }: Case): { x: number; y: number } | null {
  const rect = pick(placement.kernels, choice)?.rect;
  return rect === undefined ? null : { x: rect.x + (choice % rect.width), y: rect.y + (choice % rect.height) };
}

function routerOf({ placement, choice }: Case): { x: number; y: number } | null {
  const route = pick(placement.routes, choice);
  const router = route === null ? null : pick(routersOf(route), choice >> 3);
  if (router === null) return null;
  const [x = 0, y = 0] = router.split(" ").map(Number);
  return { x, y };
}

/** The routes of a lane in which at least two take turns. */
function takingTurns({ placement, choice }: Case): readonly Route[] | null {
  const lanes = new Map<string, Route[]>();
  for (const route of placement.routes) {
    if (route.turn !== undefined) lanes.set(laneOf(route), [...(lanes.get(laneOf(route)) ?? []), route]);
  }
  return pick([...lanes.values()].filter(({ length }) => length > 1), choice); // prettier-ignore
}

const onTurns =
  (change: (route: Route, members: readonly Route[]) => Partial<Route>): Mutation =>
  (given) => {
    const members = takingTurns(given);
    if (members === null) return null;
    const { placement } = given;
    const changed = (route: Route): Route =>
      members.includes(route) ? { ...route, ...change(route, members) } : route;
    return { placement: { ...placement, routes: placement.routes.map(changed) } };
  };

const mutations: Readonly<Record<string, Mutation>> = {
  "a rectangle on another": onKernel((kernel, { placement }) => {
    const other = placement.kernels.find((one) => one !== kernel);
    return other === undefined ? null : { rect: { ...kernel.rect, x: other.rect.x, y: other.rect.y } };
  }),
  "a rectangle off the usable cores": onKernel(({ rect }, { target }) => ({ rect: { ...rect, x: usableRect(target).x - 1 } })),
  "a rectangle between cores": onKernel(({ rect }) => ({ rect: { ...rect, y: rect.y + 0.5 } })),
  "a rectangle unlike its variant": onKernel(({ rect }) => ({ rect: { ...rect, height: rect.height + 1 } })),
  "a turn that did not happen": onKernel(({ rotated, variant }) => (variant.mapping.height === variant.mapping.width ? null : { rotated: !rotated })),
  "too much memory": onKernel(({ variant }, { target }) => ({ variant: { ...variant, sram: { ...variant.sram, stack: target.core.sramBytes + 1 } } })),
  "no room for weights": onKernel(({ kernel, variant }, { graph }) =>
    weightBytes(graph.kernels[kernel] as Kernel) === 0 ? null : { variant: { ...variant, sram: { ...variant.sram, weights: 0 } } },
  ),
  "fewer cycles than its mapping takes": onKernel(({ variant }) => ({ variant: { ...variant, cycles: variant.cycles / 2 } })),
  "less latency than its mapping has": onKernel(({ variant }) => ({ variant: { ...variant, latency: variant.latency - 1 } })),
  "fewer bytes than its mapping holds": onKernel(({ variant }) => ({ variant: { ...variant, sram: { ...variant.sram, activations: variant.sram.activations - 1 } } })),
  "a wider border than its rectangle has": onKernel(({ variant }) => ({ variant: { ...variant, ports: variant.ports + 1 } })),
  "a cut that is coarser than its figures": onKernel(({ variant }) => {
    const { mapping } = variant;
    const [first, ...others] = mapping.columns;
    return first === undefined ? null : { variant: { ...variant, mapping: { ...mapping, columns: [{ ...first, pieces: 1 }, ...others] } } };
  }),
  "a cut that its rectangle does not hold": onKernel(({ variant }) => {
    const { mapping } = variant;
    const [first, ...others] = mapping.rows;
    return first === undefined ? null : { variant: { ...variant, mapping: { ...mapping, rows: [{ ...first, pieces: first.pieces * 2 }, ...others] } } };
  }),
  "a cut of a loop that there is not": onKernel(({ variant }) => {
    const { mapping } = variant;
    return { variant: { ...variant, mapping: { ...mapping, rows: [...mapping.rows, { loop: "nowhere", pieces: 1 }] } } };
  }),
  "cores with less memory": ({ placement, target, choice }) => {
    const kernel = pick(placement.kernels, choice);
    if (kernel === null) return null;
    const { code, weights, activations, buffers, stack } = kernel.variant.sram;
    const sramBytes = code + weights + activations + buffers + stack - 1;
    return { placement: { ...placement, target: { ...placement.target, sramBytes } }, target: { ...target, core: { ...target.core, sramBytes } } };
  },
  "more colors than a router holds": onKernel(({ variant }, { target }) => ({ variant: { ...variant, colors: target.colors.perRouter } })),
  "a lost route": ({ placement }) => (placement.routes.length === 0 ? null : { placement: { ...placement, routes: placement.routes.slice(1) } }),
  "a route of another edge": onRoute(({ edge }) => ({ edge: edge + 1 })),
  "a color of the kernels": onRoute((_, { target }) => {
    const { perRouter, reserved } = target.colors;
    return { color: Array.from({ length: perRouter }, (__, color) => color).find((color) => !reserved.includes(color)) ?? 0 };
  }),
  "a reserved color": onRoute((_, { target }) => ({ color: target.colors.reserved[0] ?? target.colors.perRouter })),
  "a color that is taken": onRoute(foreignColor),
  "turns in another order": onTurns(({ turn = 0 }, { length }) => ({ turn: length - 1 - turn })),
  "a turn that nobody takes": onTurns(({ turn = 0 }) => ({ turn: turn + 1 })),
  "words that do not wait for their turn": ({ placement, ...given }) => {
    const [first] = takingTurns({ placement, ...given }) ?? [];
    if (first === undefined) return null;
    const { turn: _turn, ...hasty } = first;
    return { placement: { ...placement, routes: placement.routes.map((route) => (route === first ? hasty : route)) } };
  },
  "turns in two lanes at once": onTurns((_, members) => ({ lanes: members.length })),
  "a second way in without a switch": (given) =>
    takingTurns(given) === null ? null : { placement: given.placement, target: { ...given.target, colors: { ...given.target.colors, switchPositions: 1 } } },
  "more words than the fullest link was said to carry": ({ placement, graph }) => {
    const edges = placement.certificate.fullestLink?.edges ?? [];
    return edges.length === 0 ? null : { placement, graph: { ...graph, edges: graph.edges.map((edge, index) => (edges.includes(index) ? { ...edge, words: edge.words * 2 } : edge)) } };
  },
  "a start outside the producer": onRoute(({ from }, { placement }) => {
    const { x, width } = placement.kernels[from]?.rect as Rect;
    return { fromX: x + width };
  }),
  "an end that is far away": onRoute((_, { target }) => ({ toX: target.fabric.width, toY: target.fabric.height })),
  "a dead core under a kernel": onConstraints((given) => {
    const core = coreOf(given);
    return core === null ? null : { deadCores: [core] };
  }),
  "a dead router on the way": onConstraints((given) => {
    const router = routerOf(given);
    return router === null ? null : { deadCores: [router] };
  }),
  "a keep-out under a kernel": onConstraints((given) => {
    const core = coreOf(given);
    return core === null ? null : { keepOut: [{ ...core, width: 1, height: 1 }] };
  }),
  "a pin elsewhere": onConstraints(({ placement, choice }) => {
    const kernel = pick(placement.kernels, choice);
    if (kernel === null) return null;
    const { x, y } = kernel.rect;
    return { pins: [{ kernel: kernel.kernel, x: x + 1, y, width: null, height: null, rotated: null }] };
  }),
  "a pinned rectangle that is too small": onConstraints(({ placement, choice }) => {
    const kernel = pick(placement.kernels, choice);
    if (kernel === null || kernel.rect.width === 1) return null;
    const { rect } = kernel;
    return { pins: [{ kernel: kernel.kernel, ...rect, width: rect.width - 1, rotated: null }] };
  }),
  "co-located layers apart": onConstraints((given) => {
    const coLocate = strangers(given);
    return coLocate === null ? null : { coLocate };
  }),
  "an interval over its limit": onConstraints(({ placement }) => ({ maxInterval: placement.certificate.objective - 1 })),
  "a shorter interval": onCertificate(({ objective, goal }) =>
    objective < 3 ? null : { objective: objective - 1, bound: 1, gap: (objective - 2) / (objective - 1), status: "feasible", goal: { ...goal, value: objective - 1, bound: 1, gap: (objective - 2) / (objective - 1), status: "feasible" } },
  ),
  "a bound above the interval": onCertificate(({ objective }) => ({ bound: objective + 1 })),
  "a gap made up": onCertificate(({ gap }) => ({ gap: gap + 0.125 })),
  "an optimum that is none": onCertificate(({ gap }) => (gap === 0 ? null : { status: "optimal" })),
  "other kernel cycles": onCertificate(({ kernelCycles }) => ({ kernelCycles: kernelCycles + 1 })),
  "other link cycles": onCertificate(({ linkCycles }) => ({ linkCycles: linkCycles + 1 })),
  "other edge cycles": onCertificate(({ ioCycles }) => ({ ioCycles: ioCycles + 1 })),
  "less latency": onCertificate(({ latencyCycles }) => ({ latencyCycles: latencyCycles - 1 })),
  "shorter wires": onCertificate(({ wireLength }) => ({ wireLength: wireLength - 0.5 })),
  "another bottleneck": onCertificate(({ linkCycles, objective }) => (linkCycles === objective ? null : { bottleneck: "link" })),
  "a fullest link with less": onCertificate(({ fullestLink }) => (fullestLink === null ? null : { fullestLink: { ...fullestLink, words: fullestLink.words / 2 } })),
  "a fullest link with other edges": onCertificate(({ fullestLink }) => (fullestLink === null ? null : { fullestLink: { ...fullestLink, edges: fullestLink.edges.slice(1) } })),
  "a fullest router with fewer colors": onCertificate(({ fullestRouter }) => (fullestRouter === null ? null : { fullestRouter: { ...fullestRouter, colors: fullestRouter.colors - 1 } })),
  "movement of kernels that are not there": onCertificate(() => ({ movement: { kept: 99, moved: 0, added: 0, distance: 0 } })),
}; // prettier-ignore

describe("the checker", () => {
  const applied = new Map<string, number>();

  it("finds every fault that is put into a legal placement", async () => {
    const cases = fc.tuple(graphs, targets, fc.nat(1 << 20));
    await fc.assert(
      fc.asyncProperty(cases, async ([graph, target, choice]) => {
        const placement = await place(graph, target, { timeLimitSeconds: 1 }).catch((error: unknown) => {
          if (error instanceof WscError) return null;
          throw error;
        });
        if (placement === null) return;
        expect(checkPlacement(graph, placement, target)).toEqual([]);
        const missed = Object.entries(mutations).filter(([name, mutate]) => {
          const mutated = mutate({ graph, target, placement, choice });
          if (mutated === null) return false;
          applied.set(name, (applied.get(name) ?? 0) + 1);
          return checkPlacement(mutated.graph ?? graph, mutated.placement, mutated.target ?? target).length === 0;
        });
        expect(missed.map(([name]) => name)).toEqual([]);
      }),
      { numRuns: 20, seed: 21 },
    );
  });

  it("had a case for every kind of fault", () => {
    expect(Object.keys(mutations).filter((name) => !applied.has(name))).toEqual([]);
  });
});
