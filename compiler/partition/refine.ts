/**
 * Improves a split by simulated annealing, in rounds. A round starts from the best split so far (or from another start), moves items and
 * connected groups of items between devices, and ends in a descent. Rounds follow each other in a fixed order and each depends on those before
 * it alone, so that more rounds never give a worse split.
 */
import { seededRandom } from "../random.ts";
import { Books } from "./books.ts";
import type { Assignment, Hypergraph, Machine } from "./hypergraph.ts";

export interface RoundOptions {
  readonly seed: number;
  /** moves tried */
  readonly moves: number;
  /** share of the largest load by which it may rise, at the begin and at the end */
  readonly hot: number;
  readonly cold: number;
  readonly isOver: () => boolean;
}

/** The largest load stands out in a sum of high powers, which yet sees what the others do. */
const power = (x: number): number => {
  const x2 = x * x;
  const x4 = x2 * x2;
  const x8 = x4 * x4;
  const x16 = x8 * x8;
  return x16 * x8;
};
const exponent = 24;

const maxGroup = 24;

/** One round; the best assignment that it saw, or null when time was over before its end. */
export function anneal(
  graph: Hypergraph,
  machine: Machine,
  start: Assignment,
  { seed, moves, hot, cold, isOver }: RoundOptions,
): Assignment | null {
  const random = seededRandom(seed);
  const books = new Books(graph, machine, start);
  const { loads, devices, where } = books;
  const below = (limit: number): number => Math.floor(random() * limit);
  const scale = books.maxLoad();
  if (!(scale > 0) || devices < 2 || graph.items < 2) return start;
  let best = start.slice();
  let bestLoad = scale;
  const group = new Int32Array(maxGroup);
  const target = new Int32Array(maxGroup);
  const inGroup = new Int32Array(graph.items).fill(-1);
  const sumOf = (): number => {
    let sum = 0;
    for (const load of loads) sum += power(load / scale);
    return sum;
  };
  let sum = sumOf();
  for (let step = 0; step < moves; step++) {
    if ((step & 1023) === 0) {
      if (isOver()) return null;
      if ((step & 0x3fff) === 0) {
        books.reset(where.slice());
        sum = sumOf();
      }
    }
    const temperature = hot * (cold / hot) ** (step / moves);
    const first = below(graph.items);
    const from = where[first] ?? 0;
    const to = destination(first, from);
    if (to === from) continue;
    const size = random() < 0.15 ? exchange(first, from, to) : grow(first, from, to, step);
    for (let index = 0; index < size; index++) books.move(group[index] ?? 0, target[index] ?? 0);
    const after = books.fits(from) && books.fits(to) && supportedThere(size) ? sumOf() : Infinity;
    if (after <= sum || random() < Math.exp(-Math.log(after / sum) / (exponent * temperature))) {
      sum = after;
      const most = books.maxLoad();
      if (most < bestLoad * (1 - 1e-12)) {
        bestLoad = most;
        best = where.slice();
      }
    } else {
      for (let index = size - 1; index >= 0; index--) {
        books.move(group[index] ?? 0, target[index] === to ? from : to);
      }
    }
  }
  return best;

  /** A device that shares a net with the item, or now and then any device. */
  function destination(item: number, from: number): number {
    const nets = graph.netsOf[item];
    if (nets === undefined || nets.length === 0 || random() < 0.1) return below(devices);
    const pins = graph.pins[nets[below(nets.length)] ?? 0];
    if (pins === undefined) return from;
    return where[pins[below(pins.length)] ?? 0] ?? from;
  }

  /** The item changes places with one of the other device. */
  function exchange(item: number, from: number, to: number): number {
    group[0] = item;
    target[0] = to;
    for (let tries = 0; tries < 8; tries++) {
      const other = below(graph.items);
      if (where[other] !== to) continue;
      group[1] = other;
      target[1] = from;
      return 2;
    }
    return 1;
  }

  /** Collects a connected group of the item's device: itself alone, mostly. */
  function grow(item: number, from: number, to: number, stamp: number): number {
    const size = random() < 0.5 ? 1 : 1 + below(random() < 0.5 ? 4 : maxGroup);
    group[0] = item;
    inGroup[item] = stamp;
    let length = 1;
    for (let tries = 0; length < size && tries < 2 * size; tries++) {
      const near = group[below(length)] ?? 0;
      const nets = graph.netsOf[near];
      if (nets === undefined || nets.length === 0) break;
      const pins = graph.pins[nets[below(nets.length)] ?? 0];
      const pin = pins?.[below(pins.length)] ?? near;
      if (where[pin] !== from || inGroup[pin] === stamp) continue;
      inGroup[pin] = stamp;
      group[length++] = pin;
    }
    target.fill(to, 0, length);
    return length;
  }

  function supportedThere(size: number): boolean {
    for (let index = 0; index < size; index++) {
      if ((target[index] ?? 0) < machine.accelerators && graph.supported[group[index] ?? 0] === 0) return false;
    }
    return true;
  }
}
