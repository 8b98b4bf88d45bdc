/**
 * A placement as a fabric program. What a core holds, receives, computes and sends follows from the mapping of its layer (ir/machine/layout.ts);
 * the ways of words follow from the routes, and inside a rectangle from trees over its routers. What has no program yet is refused by name.
 */
import { defined, nth } from "../../ir/access.ts";
import { fail } from "../../ir/diagnostic.ts";
import type { FabricProgram } from "../../ir/fabric/program.ts";
import type { Graph } from "../../ir/graph.ts";
import type { KernelGraph, KernelId } from "../../ir/kernel-graph.ts";
import type { Target } from "../../ir/machine/target.ts";
import type { Core, Placement, Rect } from "../../ir/placement.ts";
import { walk } from "../placement/routing/route-geometry.ts";
import { CapacityError } from "./capacity.ts";
import { likenessOf } from "./alike.ts";
import { coreProgram, type CoreParts, type Item, type Memory } from "./core-program.ts";
import { deal } from "./deal.ts";
import { leastSlots, slotsBetween } from "./depth.ts";
import { elementsOf } from "./descriptors.ts";
import { put } from "./grouping.ts";
import { beginsAll, type Layer, type LayerCore, layerOf } from "./layer.ts";
import { type KnownSums, layerGather, layerSum } from "./layer-nets.ts";
import { inputLanes } from "./lanes.ts";
import { loader } from "./loads.ts";
import { wordsIn } from "./nest.ts";
import { colorNets, layNet, Net, Traffic } from "./nets.ts";
import type { Phase } from "./phases.ts";
import { type KnownList, KnownLists, placesOf } from "./places.ts";
import { fabricTargetOf, keyOf, ProgramBuilder } from "./program-builder.ts";
import { type Obstacles, wayAround } from "./way-around.ts";
import { gatherTo, giveFrom, type Holder, type Receiving } from "./transfer.ts";

export interface PlacedGraph {
  readonly graph: Graph;
  readonly kernels: KernelGraph;
  readonly placement: Placement;
  readonly target: Target;
}

/** How freely colors and queues are used. */
interface Means {
  /** lanes that a core may take one value from; with fewer, more words share a lane */
  readonly lanes: number;
  /** sums as chains, whatever the mapping says: a core of a chain takes from one other alone */
  readonly chains: boolean;
}

/** Tried in this order until colors and queues suffice. */
const meansToTry: readonly Means[] = [
  { lanes: 4, chains: false },
  { lanes: 2, chains: false },
  { lanes: 1, chains: false },
  { lanes: 1, chains: true },
];

/** The program of a placement; WSC5007, with the layer, for what has none. */
export function lowerFabric(placed: PlacedGraph): FabricProgram {
  const { copies, mode } = placed.placement;
  if (mode.kind !== "pipeline")
    throw fail("WSC5007", `layers that take turns on one region (mode ${mode.kind}) have no fabric program yet`, {
      hint: "compile the model with --mode pipeline",
    });
  const { count } = copies;
  if (count > 1)
    throw fail("WSC5007", `the model stands on the wafer ${count} times, and a fabric program is of one copy`, {
      hint: "compile it without --replicas",
    });
  const [stays] = placed.kernels.host;
  if (stays !== undefined)
    throw fail("WSC5007", `${stays.kind} stays on the host, and a fabric program is all of a model`, {
      subject: stays.origin[0],
    });
  for (const means of meansToTry) {
    try {
      return new Lowering(placed, means).program();
    } catch (error) {
      if (!(error instanceof CapacityError) || means === meansToTry.at(-1)) throw error;
    }
  }
  throw new Error("internal: nothing was tried");
}

/** Words of a net that a core takes into a region, or sends from one. */
interface Stream {
  readonly region: string;
  readonly net: Net;
  readonly places: KnownList;
}

/** What the cores of a layer do, before their programs are put together. */
class LayerPlan {
  readonly layer: Layer;
  readonly coreAt: ReadonlyMap<number, LayerCore>;
  readonly items = new Map<LayerCore, Item[]>();
  readonly receivings = new Map<number, Stream[]>();
  readonly sendings = new Map<number, Stream[]>();
  /** samples that regions have room for, where more than usual */
  readonly slots = new Map<string, number>();
  readonly #lists: KnownLists;

  constructor(layer: Layer, lists: KnownLists) {
    this.layer = layer;
    this.#lists = lists;
    this.coreAt = new Map(layer.cores.map((core) => [keyOf(core.at), core]));
  }

  item(core: LayerCore, item: Item): void {
    put(this.items, core, item);
  }

  receive(region: string, { net, at, places }: Receiving): void {
    put(this.receivings, keyOf(at), { region, net, places: this.#lists.of(places()) });
  }

  send(region: string, net: Net, at: Core, places: Int32Array): void {
    put(this.sendings, keyOf(at), { region, net, places: this.#lists.of(places) });
  }
}

interface Crossing {
  readonly kind: "input" | "output";
  readonly name: string;
  readonly net: Net;
  readonly at: Core;
  readonly side: "west" | "east";
  readonly order: ArrayLike<number>;
}

class Lowering {
  readonly #placed: PlacedGraph;
  readonly #means: Means;
  readonly #plans: readonly LayerPlan[];
  readonly #nets: Net[] = [];
  readonly #traffic = new Traffic();
  readonly #builder: ProgramBuilder;
  readonly #edges: Crossing[] = [];
  readonly #slots: (from: KernelId, to: KernelId) => number;
  /** from the elements that a core holds to their places */
  readonly #placeOf = new WeakMap<Int32Array, (element: number) => number>();

  constructor(placed: PlacedGraph, means: Means) {
    this.#placed = placed;
    this.#means = means;
    const { placement, target, kernels, graph } = placed;
    const lists = new KnownLists();
    this.#plans = placement.kernels.map(
      (one) => new LayerPlan(layerOf(graph, nth(kernels.kernels, one.kernel), one), lists),
    );
    const paced = placement.kernels.map(({ kernel, variant }) => ({ kernel, latency: variant.latency }));
    this.#slots = slotsBetween(paced, kernels.edges, placement.certificate.objective);
    const names = placement.kernels.map(({ name }) => name);
    const { deadCores, deadLinks } = placement.constraints;
    this.#builder = new ProgramBuilder(placement.model, fabricTargetOf(target, deadCores, deadLinks), names);
  }

  program(): FabricProgram {
    for (const plan of this.#plans) this.#layPhases(plan);
    for (const net of this.#nets) this.#traffic.add(net);
    for (const edge of this.#placed.kernels.edges.keys()) this.#layEdge(edge);
    this.#layInputs();
    this.#layOutputs();
    colorNets(this.#nets, this.#placed.target);
    for (const net of this.#nets) layNet(net, this.#builder);
    for (const { kind, name, net, at, side, order } of this.#edges) {
      this.#builder.edge({ kind, name, ...at, side, color: net.color, elements: elementsOf(order) });
    }
    for (const [index, plan] of this.#plans.entries()) this.#layCores(plan, index);
    return this.#builder.build();
  }

  #net(layer: string, wished: readonly number[] = []): Net {
    const net = new Net(layer, this.#traffic, wished);
    this.#nets.push(net);
    return net;
  }

  #plan(kernel: number): LayerPlan {
    const plan = this.#plans.find(({ layer }) => layer.kernel.id === kernel);
    if (plan === undefined) throw new Error(`internal: k${kernel} is not placed`);
    return plan;
  }

  /** What cores do, phase by phase, and the ways of what they exchange. */
  #layPhases(plan: LayerPlan): void {
    const { layer } = plan;
    const newNet = (): Net => this.#net(layer.kernel.name);
    const sums: KnownSums = new Map();
    const pattern = this.#means.chains ? "chain" : layer.placed.variant.mapping.reduce;
    if (layer.phases === null) return;
    const { buffers, phases } = layer.phases;
    const likeness = likenessOf(this.#placed.graph, layer.kernel, buffers.values());
    const texts = new Map(layer.cores.map((core) => [core, likeness(core.tile)]));
    for (const [number, phase] of phases.entries()) {
      switch (phase.kind) {
        case "work": {
          const known = new Map<string, Item | null>();
          for (const core of layer.cores) {
            if (!beginsAll(core, phase.only)) continue;
            const text = defined(texts.get(core));
            const found = known.get(text);
            const item = found === undefined ? workItem(phase, core, `${number} ${text}`) : found;
            if (found === undefined) known.set(text, item);
            if (item !== null) plan.item(core, item);
          }
          break;
        }
        case "sum":
          for (const [core, item] of layerSum(layer, phase, newNet, sums, pattern)) plan.item(core, item);
          break;
        case "gather": {
          const gathered = layerGather(layer, phase, newNet, 2 * this.#means.lanes);
          for (const [core, item] of gathered.copies) plan.item(core, item);
          for (const receiving of gathered.receivings) plan.receive(phase.into.name, receiving);
          for (const { net, at, elements } of gathered.sendings) this.#send(plan, phase.from.name, net, at, elements);
          break;
        }
      }
    }
  }

  /** Elements of a result that a core sends. */
  #send(plan: LayerPlan, result: string, net: Net, at: Core, elements: ArrayLike<number>): void {
    const { layer } = plan;
    const core = defined(plan.coreAt.get(keyOf(at)));
    const operand = defined(layer.kernel.operands.find(({ name }) => name === result));
    const held = layer.elementsOf(operand, core);
    const placeOf = this.#placeOf.get(held) ?? placesOf(held);
    this.#placeOf.set(held, placeOf);
    const places = Int32Array.from(elements, (element) => {
      const place = placeOf(element);
      if (place < 0) throw new Error(`internal: a core sends element ${element} of ${result}, and does not hold it`);
      return place;
    });
    plan.send(result, net, at, places);
  }

  /** Ways of a value from the layer that makes it to one that reads it. */
  #layEdge(index: number): void {
    const { kernels, placement } = this.#placed;
    const edge = nth(kernels.edges, index);
    const route = placement.routes.find((one) => one.edge === index);
    if (route === undefined) throw new Error(`internal: edge ${index} has no route`);
    const [from, to] = [this.#plan(edge.from), this.#plan(edge.to)];
    const holders = from.layer.holdersOf(edge.result);
    for (const operand of edge.operands) {
      const region = to.layer.regionOf(operand);
      to.slots.set(region, Math.max(to.slots.get(region) ?? leastSlots, this.#slots(edge.from, edge.to)));
    }
    for (const operand of edge.operands) {
      const { nets, sendings, receivings } = deal({
        ways: waysOf(route).map((way) => between(way, from.layer.placed.rect, to.layer.placed.rect)),
        holders,
        needers: to.layer.needersOf(operand, edge),
        limit: this.#means.lanes,
        traffic: this.#traffic,
        newNet: (traffic) => new Net(from.layer.kernel.name, traffic, [route.color]),
      });
      this.#nets.push(...nets);
      for (const net of nets) this.#traffic.add(net);
      for (const { net, at, elements } of sendings) this.#send(from, edge.result, net, at, elements);
      for (const receiving of receivings) to.receive(to.layer.regionOf(operand), receiving);
    }
  }

  /** Inputs come in at the west edge, in rows of the rectangle that reads them. */
  #layInputs(): void {
    for (const { name, kernel, operands } of this.#placed.kernels.inputs) {
      const plan = this.#plan(kernel);
      const { layer } = plan;
      for (const operand of operands) {
        const needers = layer.needersOf(operand, null);
        for (const { y, elements: order } of inputLanes(needers, this.#means.lanes)) {
          const net = this.#net(layer.kernel.name, [23, 22]);
          net.input({ x: 0, y }, "west", order.length);
          const way = wayAround({ x: 0, y }, layer.placed.rect, this.#obstacles(), layer.kernel.name);
          for (const receiving of giveFrom(net, way, order, needers)) plan.receive(layer.regionOf(operand), receiving);
          this.#edges.push({ kind: "input", name, net, at: { x: 0, y }, side: "west", order });
        }
      }
    }
  }

  #obstacles(): Obstacles {
    const { target, placement } = this.#placed;
    const { width, height, deadCores } = fabricTargetOf(target, placement.constraints.deadCores);
    return { width, height, dead: deadCores };
  }

  /** Outputs leave at the edge, west or east, that is nearer to the cores that hold them, each row of cores in its own row. */
  #layOutputs(): void {
    const { kernels, target } = this.#placed;
    for (const { name, kernel, result } of kernels.outputs) {
      const plan = this.#plan(kernel);
      const rows = new Map<number, Holder[]>();
      for (const holder of plan.layer.holdersOf(result)) if (holder.elements.length > 0) put(rows, holder.at.y, holder);
      const { width } = target.fabric;
      const columns = [...rows.values()].flat().map(({ at }) => at.x);
      const middle = columns.reduce((sum, x) => sum + x, 0) / columns.length;
      const side = 2 * middle + 1 <= width ? "west" : "east";
      for (const [y, holders] of [...rows].sort(([a], [b]) => a - b)) {
        const root = { x: side === "west" ? 0 : width - 1, y };
        const { kernel: made, placed } = plan.layer;
        const net = this.#net(made.name, [21]);
        // gathered at the border of the rectangle, and on from there
        const way = wayAround(root, placed.rect, this.#obstacles(), made.name).toReversed();
        const { order, sendings } = gatherTo(net, nth(way, 0), holders);
        for (const [index, core] of way.entries()) if (index > 0) net.link(nth(way, index - 1), core, order.length);
        net.output(root, side);
        for (const { at, elements } of sendings) this.#send(plan, result, net, at, elements);
        this.#edges.push({ kind: "output", name, net, at: root, side, order });
      }
    }
  }

  #layCores(plan: LayerPlan, index: number): void {
    const { layer } = plan;
    const { kernel, placed, phases } = layer;
    const roleOf = new Map(kernel.operands.map(({ name, role }) => [name, role]));
    const buffers = phases?.buffers ?? new Map(kernel.operands.map((operand) => [operand.name, operand]));
    const loadsIn = loader();
    const common = { layer: kernel.name, index, target: this.#placed.target, codeBytes: placed.variant.sram.code };
    // cores with the same parts have the same program, which is made once
    const rolesByText = new Map<string, Core[]>();
    for (const core of layer.cores) {
      const key = keyOf(core.at);
      const items = plan.items.get(core) ?? [];
      const receivings = plan.receivings.get(key) ?? [];
      const sendings = plan.sendings.get(key) ?? [];
      const touched = new Set<string>();
      for (const { reads, writes } of items) for (const name of [...reads, ...writes]) touched.add(name);
      for (const { region } of receivings) touched.add(region);
      for (const { region } of sendings) touched.add(region);
      const loads = layer.loadsOf(core, touched);
      for (const { region } of loads) touched.add(region);
      const kept = new Set(loads.map(({ region }) => region));
      const memories: Memory[] = [];
      for (const buffer of buffers.values()) {
        const { name } = buffer;
        if (!touched.has(name)) continue;
        const words = phases === null ? layer.elementsOf(buffer, core).length : wordsIn(core.hullOf(buffer));
        const isConstant = roleOf.get(name) === "weight";
        const category = isConstant ? "weights" : "activations";
        const isKept = kept.has(name) && phases !== null;
        memories.push({ name, words, category, isConstant, isKept, slots: plan.slots.get(name) ?? leastSlots });
      }
      const parts: CoreParts = { ...common, at: core.at, memories, items, receivings, sendings };
      const text = textOf(parts);
      const role = rolesByText.get(text) ?? this.#builder.role(coreProgram(parts));
      rolesByText.set(text, role);
      role.push(core.at);
      for (const load of loads) for (const one of loadsIn(core.at, load)) this.#builder.load(one);
    }
  }
}

/** What a core's program depends on, besides its layer. */
function textOf({ memories, items, receivings, sendings }: CoreParts): string {
  let text = "";
  for (const { name, words, isKept } of memories) text += `${name} ${words}${isKept ? " kept" : ""};`;
  for (const item of items) text += `${item.text()};`;
  for (const { region, net, places } of receivings) text += `in ${region} ${net.color} ${places.number};`;
  for (const { region, net, places } of sendings) text += `out ${region} ${net.color} ${places.number};`;
  return text;
}

/** The work of a core and of those alike; null where there is none. */
function workItem(phase: Extract<Phase, { kind: "work" }>, core: LayerCore, text: string): Item | null {
  const steps = phase.steps(core);
  const { reads, writes } = phase;
  return steps.length === 0
    ? null
    : { reads, writes: [writes], startsTask: false, steps: () => steps, text: () => text };
}

/** A way from where it leaves one rectangle to where it enters another: inside them trees lead on, and a net passes a router one way only. */
function between(way: readonly Core[], from: Rect, to: Rect): readonly Core[] {
  const isIn = ({ x, y, width, height }: Rect, core: Core): boolean =>
    core.x >= x && core.x < x + width && core.y >= y && core.y < y + height;
  const first = Math.max(
    0,
    way.findLastIndex((core) => isIn(from, core)),
  );
  const last = way.findIndex((core, index) => index > first && isIn(to, core));
  return way.slice(first, last < 0 ? way.length : last + 1);
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
