/**
 * A placement as a fabric program. What a core holds, receives, computes and sends follows from the mapping of its layer (ir/machine/layout.ts);
 * the ways of words follow from the routes, and inside a rectangle from trees over its routers. What has no program yet is refused by name.
 */
import { nth } from "../../ir/access.ts";
import { fail } from "../../ir/diagnostic.ts";
import { arg } from "../../ir/expr.ts";
import type { FabricProgram, Step } from "../../ir/fabric/program.ts";
import type { Graph } from "../../ir/graph.ts";
import type { KernelGraph } from "../../ir/kernel-graph.ts";
import type { Target } from "../../ir/machine/target.ts";
import type { Core, Placement } from "../../ir/placement.ts";
import { walk } from "../placement/routing/route-geometry.ts";
import { CapacityError } from "./capacity.ts";
import { CoreProgram } from "./core-program.ts";
import { elementsOf } from "./descriptors.ts";
import { type CoreState, type KernelState, kernelStates } from "./kernel-state.ts";
import { inputLanes, mostLanes, orderByNeed, shareOut } from "./lanes.ts";
import { colorNets, layNet, Net } from "./nets.ts";
import { fabricTargetOf, ProgramBuilder, straightWay } from "./program-builder.ts";
import { sumSteps } from "./sums.ts";
import { accumulate, finish, type Held } from "./tile-steps.ts";
import { gatherTo, giveFrom, type Holder, keyOf, type Receiving, type Transfer } from "./transfer.ts";

export interface PlacedGraph {
  readonly graph: Graph;
  readonly kernels: KernelGraph;
  readonly placement: Placement;
  readonly target: Target;
}

/** Lanes that a core may take one value from; with fewer, more words share a lane. Tried in this order until colors and queues suffice. */
const laneLimits = [4, 2, 1];

/** The program of a placement; WSC5007, with the layer, for what has none. */
export function lowerFabric(placed: PlacedGraph): FabricProgram {
  const { count } = placed.placement.copies;
  if (count > 1)
    throw fail("WSC5007", `the model stands on the wafer ${count} times, and a fabric program is of one copy`, {
      hint: "compile it without --replicas",
    });
  const [stays] = placed.kernels.host;
  if (stays !== undefined)
    throw fail("WSC5007", `${stays.kind} stays on the host, and a fabric program is all of a model`, {
      subject: stays.origin[0],
    });
  for (const limit of laneLimits) {
    try {
      return new Lowering(placed, limit).program();
    } catch (error) {
      // with fewer lanes there are fewer colors and queues
      if (!(error instanceof CapacityError) || limit === laneLimits.at(-1)) throw error;
    }
  }
  throw new Error("internal: no number of lanes was tried");
}

class Lowering {
  readonly #placed: PlacedGraph;
  readonly #laneLimit: number;
  readonly #states: readonly KernelState[];
  readonly #nets: Net[] = [];
  readonly #builder: ProgramBuilder;
  readonly #sums = new Map<CoreState, { readonly from: Net | null; readonly to: Net | null }[]>();
  readonly #receivings: { readonly state: KernelState; readonly operand: string; readonly receiving: Receiving }[] = [];
  readonly #sendings: {
    readonly state: KernelState;
    readonly net: Net;
    readonly at: Core;
    readonly elements: readonly number[];
  }[] = [];
  readonly #edges: {
    readonly kind: "input" | "output";
    readonly name: string;
    readonly net: Net;
    readonly at: Core;
    readonly side: "west" | "east";
    readonly order: readonly number[];
  }[] = [];

  constructor(placed: PlacedGraph, laneLimit: number) {
    this.#placed = placed;
    this.#laneLimit = laneLimit;
    this.#states = kernelStates(placed);
    const { placement, target } = placed;
    const names = placement.kernels.map(({ name }) => name);
    this.#builder = new ProgramBuilder(placement.model, fabricTargetOf(target, placement.constraints.deadCores), names);
  }

  program(): FabricProgram {
    for (const state of this.#states) this.#laySums(state);
    for (const edge of this.#placed.kernels.edges.keys()) this.#layEdge(edge);
    this.#layInputs();
    this.#layOutputs();
    colorNets(this.#nets, this.#placed.target);
    for (const net of this.#nets) layNet(net, this.#builder);
    for (const { kind, name, net, at, side, order } of this.#edges) {
      this.#builder.edge({ kind, name, ...at, side, color: net.color, elements: elementsOf(order) });
    }
    for (const state of this.#states) this.#layCores(state);
    return this.#builder.build();
  }

  #net(layer: string, wished: readonly number[] = []): Net {
    const net = new Net(layer, wished);
    this.#nets.push(net);
    return net;
  }

  #state(kernel: number): KernelState {
    const state = this.#states.find((one) => one.kernel.id === kernel);
    if (state === undefined) throw new Error(`internal: k${kernel} is not placed`);
    return state;
  }

  /** Ways of partial sums: along the rows of the mapping, then along its columns. */
  #laySums(state: KernelState): void {
    const groups = new Map<string, CoreState[]>();
    for (const core of state.cores) {
      const known = groups.get(core.group);
      if (known === undefined) groups.set(core.group, [core]);
      else known.push(core);
    }
    for (const members of groups.values()) {
      if (members.length === 1) continue;
      const rows = new Map<number, CoreState[]>();
      for (const core of members) rows.set(core.mappingY, [...(rows.get(core.mappingY) ?? []), core]);
      const heads: CoreState[] = [];
      for (const row of rows.values()) {
        row.sort((a, b) => a.mappingX - b.mappingX);
        this.#laySum(state, row);
        heads.push(row[0] as CoreState);
      }
      heads.sort((a, b) => a.mappingY - b.mappingY);
      this.#laySum(state, heads);
    }
  }

  #laySum(state: KernelState, line: readonly CoreState[]): void {
    const nets = new Map<string, Net>();
    const netOf = (hop: { from: number; to: number } | null): Net | null => {
      if (hop === null) return null;
      const key = `${hop.from} ${hop.to}`;
      const known = nets.get(key);
      if (known !== undefined) return known;
      const [from, to] = [line[hop.from] as CoreState, line[hop.to] as CoreState];
      const net = this.#net(state.kernel.name);
      const words = from.result.elements.length;
      const way = straightWay(from.at, to.at);
      net.input(from.at, "ramp", words);
      for (let index = 1; index < way.length; index++) net.link(way[index - 1] as Core, way[index] as Core, words);
      net.output(to.at, "ramp");
      nets.set(key, net);
      return net;
    };
    for (const [member, steps] of sumSteps(line.length, state.reduce).entries()) {
      const core = line[member] as CoreState;
      const own = this.#sums.get(core) ?? [];
      for (const { from, to } of steps) own.push({ from: netOf(from), to: netOf(to) });
      this.#sums.set(core, own);
    }
  }

  /** Ways of a value from the layer that makes it to one that reads it. */
  #layEdge(index: number): void {
    const { kernels, placement } = this.#placed;
    const edge = kernels.edges[index];
    const route = placement.routes.find((one) => one.edge === index);
    if (edge === undefined || route === undefined) throw new Error(`internal: edge ${index} has no route`);
    const [from, to] = [this.#state(edge.from), this.#state(edge.to)];
    const holders = from.cores.filter(({ isRoot }) => isRoot);
    for (const operand of edge.operands) {
      const needers = to.needersOf(operand, edge);
      const wanted = new Set(needers.flatMap(({ places }) => [...places.keys()]));
      const order = orderByNeed(needers);
      const sent = holders.map(({ at, result }): Holder => ({
        at,
        elements: order(Array.from(result.elements).filter((element) => wanted.has(element))),
      }));
      const ways = waysOf(route);
      for (let lanes = ways.length; ; lanes = Math.floor(lanes / 2)) {
        const used = ways.filter(
          (_, lane) =>
            Math.floor((lane * lanes) / ways.length) !== Math.floor(((lane - 1) * lanes) / ways.length) || lane === 0,
        );
        const parts = shareOut(
          sent,
          used.map((way) => nth(way, 0)),
        );
        const taken = parts.map((part) => part.flatMap(({ elements }) => elements));
        if (lanes > 1 && mostLanes(taken, needers) > this.#laneLimit) continue;
        for (const [lane, part] of parts.entries()) {
          if (part.every(({ elements }) => elements.length === 0)) continue;
          const way = used[lane] as Core[];
          const net = this.#net(from.kernel.name, [route.color]);
          const gathered = gatherTo(net, nth(way, 0), part);
          const receivings = giveFrom(net, way, gathered.order, needers);
          this.#keep(from, to, operand, { sendings: gathered.sendings, receivings });
        }
        break;
      }
    }
  }

  #keep(from: KernelState, to: KernelState, operand: string, { sendings, receivings }: Transfer): void {
    for (const sending of sendings) this.#sendings.push({ state: from, ...sending });
    for (const receiving of receivings) this.#receivings.push({ state: to, operand, receiving });
  }

  /** Inputs come in at the west edge, in rows of the rectangle that reads them. */
  #layInputs(): void {
    for (const state of this.#states) {
      for (const { name, operand } of state.inputs) {
        const needers = state.needersOf(operand, null);
        for (const { y, elements: order } of inputLanes(needers, this.#laneLimit)) {
          const net = this.#net(state.kernel.name, [23, 22]);
          net.input({ x: 0, y }, "west", order.length);
          const way = straightWay({ x: 0, y }, { x: state.rect.x, y });
          for (const receiving of giveFrom(net, way, order, needers))
            this.#receivings.push({ state, operand, receiving });
          this.#edges.push({ kind: "input", name, net, at: { x: 0, y }, side: "west", order });
        }
      }
    }
  }

  /** Outputs leave at the nearer of the west and the east edge, each row of cores in its own row. */
  #layOutputs(): void {
    const { kernels, target } = this.#placed;
    for (const { name, kernel } of kernels.outputs) {
      const state = this.#state(kernel);
      const rows = new Map<number, Holder[]>();
      for (const { at, isRoot, result } of state.cores) {
        if (!isRoot) continue;
        rows.set(at.y, [...(rows.get(at.y) ?? []), { at, elements: Array.from(result.elements) }]);
      }
      for (const [y, holders] of [...rows].sort(([a], [b]) => a - b)) {
        const { width } = target.fabric;
        const side = 2 * state.rect.x + state.rect.width <= width ? "west" : "east";
        const root = { x: side === "west" ? 0 : width - 1, y };
        const net = this.#net(state.kernel.name, [21]);
        const { order, sendings } = gatherTo(net, root, holders);
        net.output(root, side);
        for (const sending of sendings) this.#sendings.push({ state, ...sending });
        this.#edges.push({ kind: "output", name, net, at: root, side, order });
      }
    }
  }

  #layCores(state: KernelState): void {
    const receivings = byCore(
      this.#receivings.filter((one) => one.state === state),
      ({ receiving }) => receiving.at,
    );
    const sendings = byCore(
      this.#sendings.filter((one) => one.state === state),
      ({ at }) => at,
    );
    const layer = this.#placed.placement.kernels.findIndex(({ kernel }) => kernel === state.kernel.id);
    for (const core of state.cores) {
      const key = keyOf(core.at);
      const program = new CoreProgram(state.kernel.name, core.at, this.#placed.target, state.codeBytes);
      for (const { operand, receiving } of receivings.get(key) ?? [])
        program.receive(state.regionOf(operand), receiving);
      const sends = sendings.get(key) ?? [];
      const sums = this.#sums.get(core) ?? [];
      this.#layTile(state, core, program, sums, sends.length);
      for (const { net, elements } of sends) program.send(net, core.placesOfResult(elements));
      const { plan, loads } = program.finish(layer);
      this.#builder.core(core.at, plan);
      for (const load of loads) this.#builder.load(load);
    }
  }

  /** Regions and steps of what a core computes. */
  #layTile(
    state: KernelState,
    core: CoreState,
    program: CoreProgram,
    sums: readonly { readonly from: Net | null; readonly to: Net | null }[],
    readers: number,
  ): void {
    const { kernel, stage, work } = state;
    const resultWords = core.result.elements.length;
    if (work === null) {
      // words land where they lie in the result
      program.handedOn(state.result.name, resultWords, "activations", 2, readers);
      return;
    }
    const reads = work.reads.map((input) => core.held(input));
    const others = work.epilogueReads.map((input) => core.held(input));
    const early = this.#layOperands(state, program, reads);
    const late = core.isRoot ? this.#layOperands(state, program, others) : [];
    const made = { operand: state.result, region: state.result.name, part: core.result };
    const epilogue = work.epilogue;
    const steps = (kind: "take" | "free", regions: readonly string[]): Step[] =>
      regions.map((region) => ({ kind, region }));
    if (sums.length === 0) {
      program.handedOn(made.region, resultWords, "activations", 2, readers);
      program.task("main", [
        ...steps("take", [...early, ...late]),
        { kind: "claim", region: made.region },
        ...accumulate(kernel, stage, core.tile, work, made, reads),
        ...(epilogue === null ? [] : [finish(epilogue, made, made, others)]),
        ...steps("free", [...early, ...late]),
        { kind: "publish", region: made.region },
      ]);
      return;
    }
    const partial = { ...made, region: "partial" };
    program.handedOn(partial.region, resultWords, "activations", 2, 1);
    program.task("main", [
      ...steps("take", early),
      { kind: "claim", region: partial.region },
      ...accumulate(kernel, stage, core.tile, work, partial, reads),
      { kind: "publish", region: partial.region },
      ...steps("free", early),
    ]);
    const own = { region: partial.region, offset: 0, sizes: [resultWords], strides: [1] };
    const adding = sums.map(({ from, to }) => program.sumStep(work.combiner, own, from, to));
    if (!core.isRoot) {
      program.task("sum", [
        { kind: "take", region: partial.region },
        ...adding,
        { kind: "free", region: partial.region },
      ]);
      return;
    }
    program.handedOn(made.region, resultWords, "activations", 2, readers);
    program.task("sum", [
      { kind: "take", region: partial.region },
      ...adding,
      ...steps("take", late),
      { kind: "claim", region: made.region },
      finish(epilogue ?? arg(0), partial, made, others),
      { kind: "publish", region: made.region },
      ...steps("free", [partial.region, ...late]),
    ]);
  }

  /** Regions of operands; gives those that arrive with every sample. */
  #layOperands(state: KernelState, program: CoreProgram, operands: readonly Held[]): string[] {
    const arriving: string[] = [];
    for (const { region, part, operand } of operands) {
      if (program.has(region)) continue;
      if (operand.role === "weight") {
        program.constant(region, state.constantOf(operand.name), part.elements);
        continue;
      }
      // what nobody sends is padding, and stays as it is
      const arrives = program.receives(region);
      program.handedOn(region, part.elements.length, "activations", arrives ? 2 : 1, arrives ? 1 : 0);
      if (arrives) arriving.push(region);
    }
    return arriving;
  }
}

function byCore<T>(items: readonly T[], at: (item: T) => Core): Map<string, T[]> {
  const map = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(at(item));
    const known = map.get(key);
    if (known === undefined) map.set(key, [item]);
    else known.push(item);
  }
  return map;
}

/** The routers of each lane of a route. */
function waysOf(route: Parameters<typeof walk>[0]): Core[][] {
  const ways: Core[][] = [];
  let way: Core[] = [];
  walk(route, (x, y, direction) => {
    way.push({ x, y });
    if (direction >= 0) return;
    ways.push(way);
    way = [];
  });
  return ways;
}
