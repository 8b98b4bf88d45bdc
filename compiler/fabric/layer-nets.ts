/** Words that stay within a layer: sums of several cores, sums that all of them get, and parts that cores take from each other. */
import { defined, nth } from "../../ir/access.ts";
import type { Step, Strided } from "../../ir/fabric/program.ts";
import type { ReducePattern } from "../../ir/machine/collectives.ts";
import type { Core } from "../../ir/placement.ts";
import type { Ends, Item } from "./core-program.ts";
import { pairSteps } from "./descriptors.ts";
import { groupBy, put } from "./grouping.ts";
import { beginsAll, type Layer, type LayerCore } from "./layer.ts";
import type { Net } from "./nets.ts";
import { wordsIn } from "./nest.ts";
import type { Phase } from "./phases.ts";
import { straightWay } from "./program-builder.ts";
import { sumSteps } from "./sums.ts";
import { gatherTo, giveFrom, type Holder, type Needer, type Receiving, type Sending } from "./transfer.ts";

/** Makes a net of the layer. */
export type NewNet = () => Net;

/** What a core adds to its own words and passes on, or sends. */
interface Hop {
  readonly from: Net | null;
  readonly to: Net | null;
  /** cores whose words come over `from`, one after the other */
  readonly parts: number;
}

/** Nets of a sum at one core, in the order in which it uses them. */
interface SumAt {
  readonly hops: Hop[];
  /** the sum goes to all others, or comes from the first */
  share: { readonly net: Net; readonly how: "gives" | "takes" } | null;
}

/** The nets of sums that all get; later sums of as many words in the same cores and the same task take them again. */
export type KnownSums = Map<string, ReadonlyMap<LayerCore, SumAt>>;

type Sum = Extract<Phase, { kind: "sum" }>;

/** What each core does in a sum; cores that have nothing to add up with are not there. */
export function layerSum(
  layer: Layer,
  phase: Sum,
  newNet: NewNet,
  known: KnownSums,
  pattern: ReducePattern,
): ReadonlyMap<LayerCore, Item> {
  const { buffer, over, only, isShared } = phase;
  // a sum that one core gets begins another task
  if (!isShared) known.clear();
  const key = JSON.stringify([buffer.axes, over, only]);
  const nets = known.get(key) ?? sumNets(layer, phase, newNet, pattern);
  if (isShared) known.set(key, nets);
  return new Map([...nets].map(([core, sum]) => [core, sumItem(phase, core, sum)] as const));
}

function sumNets(layer: Layer, phase: Sum, newNet: NewNet, pattern: ReducePattern): ReadonlyMap<LayerCore, SumAt> {
  const { buffer, over, isShared, only } = phase;
  const found = new Map<LayerCore, SumAt>();
  const at = (core: LayerCore): SumAt => {
    const known = found.get(core);
    if (known !== undefined) return known;
    const fresh: SumAt = { hops: [], share: null };
    found.set(core, fresh);
    return fresh;
  };
  const wordsOf = (core: LayerCore): number => wordsIn(core.hullOf(buffer));
  /** All send their words to the first, which adds them one core after the other. */
  const layStar = (line: readonly LayerCore[]): void => {
    const [root, ...others] = line;
    if (root === undefined || others.length === 0) return;
    const net = newNet();
    gatherTo(
      net,
      root.at,
      others.map((core): Holder => ({ at: core.at, elements: new Int32Array(wordsOf(core)) })),
    );
    net.output(root.at, "ramp");
    for (const core of others) at(core).hops.push({ from: null, to: net, parts: 0 });
    at(root).hops.push({ from: net, to: null, parts: others.length });
  };
  const laySum = (line: readonly LayerCore[]): void => {
    if (pattern === "star") {
      layStar(line);
      return;
    }
    const nets = new Map<number, Net>();
    const netOf = (hop: { readonly from: number; readonly to: number } | null): Net | null => {
      if (hop === null) return null;
      const key = hop.from * line.length + hop.to;
      const known = nets.get(key);
      if (known !== undefined) return known;
      const [from, to] = [nth(line, hop.from), nth(line, hop.to)];
      const net = newNet();
      const words = wordsOf(from);
      net.input(from.at, "ramp", words);
      layWay(net, straightWay(from.at, to.at), words);
      net.output(to.at, "ramp");
      nets.set(key, net);
      return net;
    };
    for (const [member, steps] of sumSteps(line.length, pattern).entries()) {
      for (const { from, to } of steps) at(nth(line, member)).hops.push({ from: netOf(from), to: netOf(to), parts: 1 });
    }
  };
  for (const members of groupsOf(
    layer.cores.filter((core) => beginsAll(core, only)),
    over,
  )) {
    if (members.length === 1) continue;
    // along the rows of the mapping, then along its columns
    const rows = groupBy(members, ({ y }) => y);
    const heads: LayerCore[] = [];
    for (const row of rows.values()) {
      row.sort((a, b) => a.x - b.x);
      laySum(row);
      heads.push(nth(row, 0));
    }
    heads.sort((a, b) => a.y - b.y);
    laySum(heads);
    if (!isShared) continue;
    const [root, ...others] = [nth(heads, 0), ...members.filter((core) => core !== heads[0])];
    const net = newNet();
    const order = Array.from({ length: wordsOf(root) }, (_, word) => word);
    net.input(root.at, "ramp", order.length);
    const elements = Int32Array.from(order);
    giveFrom(
      net,
      [root.at],
      order,
      others.map(({ at: place }) => ({ at: place, elements })),
    );
    at(root).share = { net, how: "gives" };
    for (const core of others) at(core).share = { net, how: "takes" };
  }
  return found;
}

/** The steps of one core in a sum. */
function sumItem({ buffer, combiner, isShared }: Sum, core: LayerCore, { hops, share }: SumAt): Item {
  const words = wordsIn(core.hullOf(buffer));
  const own: Strided = { region: buffer.name, offset: 0, sizes: [words], strides: [1] };
  const hopStep = ({ from, to, parts }: Hop, ends: Ends): Step => {
    const given = to === null ? null : ends.to(to);
    const taken: Strided = parts > 1 ? { ...own, sizes: [parts, words], strides: [0, 1] } : own;
    if (from !== null) return { kind: "reduce", with: combiner, from: ends.from(from), own: taken, to: given };
    if (given === null) throw new Error("internal: a sum that neither takes nor gives");
    return { kind: "send", to: given, words: [own] };
  };
  const shareSteps = (ends: Ends): Step[] => {
    if (share === null) return [];
    return share.how === "gives"
      ? [{ kind: "send", to: ends.to(share.net), words: [own] }]
      : [{ kind: "receive", from: ends.from(share.net), into: [{ words, into: own }] }];
  };
  return {
    reads: [buffer.name],
    writes: [],
    startsTask: !isShared,
    text: () => {
      const passed = hops.map(({ from, to, parts }) => [from?.color ?? null, to?.color ?? null, parts]);
      const shared = share === null ? null : [share.how, share.net.color];
      return JSON.stringify([buffer.name, combiner, isShared, words, passed, shared]);
    },
    steps: (ends) => [...hops.map((hop) => hopStep(hop, ends)), ...shareSteps(ends)],
  };
}

function layWay(net: Net, way: readonly Core[], words: number): void {
  for (let index = 1; index < way.length; index++) net.link(nth(way, index - 1), nth(way, index), words);
}

/** Cores that differ in some loops alone. */
function groupsOf(cores: readonly LayerCore[], over: readonly string[]): LayerCore[][] {
  const [first] = cores;
  if (first === undefined) return [];
  const kept = [...first.tile.keys()].filter((loop) => !over.includes(loop));
  const begins = kept.map((loop) => new Set(cores.map(({ tile }) => defined(tile.get(loop)).begin)));
  // pieces are numbered, so that one number says which of every loop
  const numbers = begins.map((met) => new Map([...met].map((begin, number) => [begin, number])));
  return [
    ...groupBy(cores, ({ tile }) =>
      kept.reduce((key, loop, index) => {
        const known = nth(numbers, index);
        return key * known.size + defined(known.get(defined(tile.get(loop)).begin));
      }, 0),
    ).values(),
  ];
}

export interface Gathered {
  /** copies of what a core has itself */
  readonly copies: ReadonlyMap<LayerCore, Item>;
  readonly sendings: readonly Sending[];
  readonly receivings: readonly Receiving[];
}

/** Parts that cores take from others of their layer: each from those that hold them, or over one net where they would be more than `mostHolders`. */
export function layerGather(
  layer: Layer,
  { from, into, only, elements: sources }: Extract<Phase, { kind: "gather" }>,
  newNet: NewNet,
  mostHolders: number,
): Gathered {
  const holders = layer.holdersOf(from.name);
  const ownerOf = new Map<number, number>();
  for (const [index, { elements }] of holders.entries())
    for (let place = 0; place < elements.length; place++) ownerOf.set(nth(elements as number[], place), index);
  const needing = layer.cores.filter((core) => beginsAll(core, only));
  const copies = new Map<LayerCore, Item>();
  const needers: { readonly needer: Needer; readonly from: ReadonlySet<number> }[] = [];
  for (const core of needing) {
    const own = new Map<number, number>();
    for (const [place, element] of layer.elementsOf(from, core).entries()) if (element >= 0) own.set(element, place);
    const needed = layer.elementsOf(into, core);
    const elements =
      sources === null ? needed : needed.map((element) => (element < 0 ? -1 : defined(sources[element])));
    const pairs = [...elements].flatMap((element, place) => {
      const source = element < 0 ? undefined : own.get(element);
      return source === undefined ? [] : [{ from: source, to: place }];
    });
    if (pairs.length > 0)
      copies.set(core, {
        reads: [from.name],
        writes: [into.name],
        startsTask: false,
        steps: () => pairSteps(from.name, into.name, pairs),
        text: () => JSON.stringify([from.name, into.name, pairs]),
      });
    const lacking = elements.map((element) => (own.has(element) ? -1 : element));
    const owners = new Set<number>();
    for (const element of lacking) {
      if (element < 0) continue;
      const owner = ownerOf.get(element);
      if (owner === undefined) throw new Error(`internal: nobody holds element ${element} of ${from.name}`);
      owners.add(owner);
    }
    if (owners.size > 0) needers.push({ needer: { at: core.at, elements: lacking }, from: owners });
  }
  const isJoined = needers.some(({ from: owners }) => owners.size > mostHolders);
  const sendings: Sending[] = [];
  const receivings: Receiving[] = [];
  for (const { roots, takers } of isJoined ? joined(needers) : apart(needers)) {
    const wanted = new Set(takers.flatMap(({ elements }) => [...elements]));
    const sent = [...roots].map((index): Holder => {
      const { at, elements } = nth(holders, index);
      return { at, elements: Array.from(elements).filter((element) => wanted.has(element)) };
    });
    const root = nth(sent, 0).at;
    const net = newNet();
    const gathered = gatherTo(net, root, sent);
    sendings.push(...gathered.sendings);
    receivings.push(...giveFrom(net, [root], gathered.order, takers));
  }
  return { copies, sendings, receivings };
}

interface Exchange {
  readonly roots: ReadonlySet<number>;
  readonly takers: readonly Needer[];
}

type Needing = readonly { readonly needer: Needer; readonly from: ReadonlySet<number> }[];

/** A net for each holder. */
function apart(needers: Needing): Exchange[] {
  const takers = new Map<number, Needer[]>();
  for (const { needer, from } of needers) {
    for (const owner of from) put(takers, owner, needer);
  }
  return [...takers].map(([owner, list]) => ({ roots: new Set([owner]), takers: list }));
}

/** A net for all holders and needers that have to do with each other. */
function joined(needers: Needing): Exchange[] {
  const groups: { roots: Set<number>; takers: Needer[] }[] = [];
  for (const { needer, from } of needers) {
    const met = groups.filter(({ roots }) => [...from].some((owner) => roots.has(owner)));
    const group = { roots: new Set(from), takers: [needer] };
    for (const other of met) {
      for (const owner of other.roots) group.roots.add(owner);
      group.takers.unshift(...other.takers);
      groups.splice(groups.indexOf(other), 1);
    }
    groups.push(group);
  }
  return groups;
}
