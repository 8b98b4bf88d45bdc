/**
 * The ideals (downward closed sets) of a block order: the places where a contiguous split may cut. Each is a bit set; ideals are sorted by work,
 * then by size, so that a subset stands before its supersets.
 */
import type { BlockOrder } from "./order.ts";

export interface Ideals {
  readonly count: number;
  /** 32-bit words of one set */
  readonly words: number;
  /** `count` sets, one behind the other */
  readonly bits: Uint32Array;
  /** by ideal: sums over its blocks */
  readonly work: Float64Array;
  readonly cpuWork: Float64Array;
  readonly size: Float64Array;
  /** by ideal: blocks of it that accelerators cannot run */
  readonly unsupported: Int32Array;
  /** by ideal: cost of the nets that it cuts in two */
  readonly cut: Float64Array;
  /** by ideal: where its cut nets begin in `openNet`; one entry more than ideals */
  readonly openStart: Int32Array;
  /** cut nets, ascending within an ideal, and how many of their pins lie inside */
  readonly openNet: Int32Array;
  readonly openPins: Int32Array;
  /** every ideal of the order is here */
  readonly complete: boolean;
}

/** Set of bit sets of one length, numbered in the order of their arrival. */
class BitSetTable {
  count = 0;
  bits: Uint32Array;
  private slots = new Int32Array(1024).fill(-1);
  private readonly words: number;

  constructor(words: number) {
    this.words = words;
    this.bits = new Uint32Array(words * 512);
  }

  /** Adds a set if it is new; tells whether it was. */
  add(set: Uint32Array): boolean {
    const slot = this.find(set);
    if ((this.slots[slot] ?? -1) >= 0) return false;
    if ((this.count + 1) * this.words > this.bits.length) {
      const larger = new Uint32Array(this.bits.length * 2);
      larger.set(this.bits);
      this.bits = larger;
    }
    this.bits.set(set, this.count * this.words);
    this.slots[slot] = this.count++;
    if (this.count * 2 > this.slots.length) this.grow();
    return true;
  }

  private find(set: Uint32Array): number {
    const mask = this.slots.length - 1;
    let slot = hashOf(set) & mask;
    for (;;) {
      const entry = this.slots[slot] ?? -1;
      if (entry < 0 || this.equals(entry, set)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  private equals(entry: number, set: Uint32Array): boolean {
    const start = entry * this.words;
    for (let word = 0; word < this.words; word++) if (this.bits[start + word] !== set[word]) return false;
    return true;
  }

  private grow(): void {
    this.slots = new Int32Array(this.slots.length * 2).fill(-1);
    for (let entry = 0; entry < this.count; entry++) {
      const set = this.bits.subarray(entry * this.words, (entry + 1) * this.words);
      this.slots[this.find(set)] = entry;
    }
  }
}

function hashOf(set: Uint32Array): number {
  let hash = 0x811c9dc5;
  for (const word of set) {
    hash = Math.imul(hash ^ word, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}

const contains = (bits: Uint32Array, at: number, block: number): boolean =>
  ((bits[at + (block >>> 5)] ?? 0) & (1 << (block & 31))) !== 0;

/**
 * Lists ideals, layer by layer (k blocks, k + 1 blocks, …). Where a layer would exceed `width` or all of them `limit`, the layer keeps those
 * that cut least per layer, and the list is not complete.
 */
export function enumerateIdeals(order: BlockOrder, limit: number): Ideals {
  const blocks = order.graph.items;
  const words = Math.max(1, (blocks + 31) >>> 5);
  const all = growLayers(order, words, limit);
  if (all !== null) return describe(order, words, all, true);
  const width = Math.max(1, Math.floor(limit / (blocks + 1)));
  const some = growLayers(order, words, Infinity, width);
  if (some === null) throw new Error("internal: a list of ideals without a limit ran into it");
  return describe(order, words, some, false);
}

/** All ideals, or null beyond `limit`; with a `width`, that many per layer. */
function growLayers(order: BlockOrder, words: number, limit: number, width = Infinity): Uint32Array | null {
  const blocks = order.graph.items;
  let layer: Uint32Array = new Uint32Array(words);
  const layers = [layer];
  let count = 1;
  for (let size = 0; size < blocks; size++) {
    const table = new BitSetTable(words);
    for (let at = 0; at < layer.length; at += words) {
      for (let block = 0; block < blocks; block++) {
        if (contains(layer, at, block) || !isReady(order, layer, at, block)) continue;
        const next = layer.slice(at, at + words);
        next[block >>> 5] = (next[block >>> 5] ?? 0) | (1 << (block & 31));
        table.add(next);
        if (count + table.count > limit) return null;
      }
    }
    layer = table.bits.slice(0, table.count * words);
    if (table.count > width) layer = leastCuts(order, words, layer, width);
    count += layer.length / words;
    layers.push(layer);
  }
  const bits = new Uint32Array(count * words);
  let end = 0;
  for (const part of layers) {
    bits.set(part, end);
    end += part.length;
  }
  return bits;
}

function isReady({ before }: BlockOrder, bits: Uint32Array, at: number, block: number): boolean {
  const list = before[block];
  if (list === undefined) return true;
  for (const earlier of list) if (!contains(bits, at, earlier)) return false;
  return true;
}

/** The sets of a layer that cut least; equal ones in order of arrival. */
function leastCuts(order: BlockOrder, words: number, layer: Uint32Array, width: number): Uint32Array {
  const cuts = Float64Array.from({ length: layer.length / words }, (_, index) => cutOf(order, layer, index * words));
  const ranked = [...cuts.keys()].sort((a, b) => (cuts[a] ?? 0) - (cuts[b] ?? 0) || a - b).slice(0, width);
  const kept = new Uint32Array(width * words);
  for (const [place, index] of ranked.entries()) {
    kept.set(layer.subarray(index * words, (index + 1) * words), place * words);
  }
  return kept;
}

function cutOf({ graph }: BlockOrder, bits: Uint32Array, at: number): number {
  let cut = 0;
  for (const [net, pins] of graph.pins.entries()) {
    let inside = 0;
    for (const pin of pins) if (contains(bits, at, pin)) inside++;
    if (inside > 0 && inside < pins.length) cut += graph.cost[net] ?? 0;
  }
  return cut;
}

/** Sorts the sets and computes what the search asks about them. */
function describe(order: BlockOrder, words: number, unsorted: Uint32Array, complete: boolean): Ideals {
  const { graph } = order;
  const count = unsorted.length / words;
  const sum = (values: Float64Array | Uint8Array, at: number): number => {
    let amount = 0;
    for (let block = 0; block < graph.items; block++) if (contains(unsorted, at, block)) amount += values[block] ?? 0;
    return amount;
  };
  const unsortedWork = Float64Array.from({ length: count }, (_, index) => sum(graph.work, index * words));
  // layers hold one block more each, so the place in the list breaks ties of work towards subsets first
  const ranked = [...unsortedWork.keys()].sort((a, b) => (unsortedWork[a] ?? 0) - (unsortedWork[b] ?? 0) || a - b);
  const bits = new Uint32Array(unsorted.length);
  for (const [place, index] of ranked.entries()) {
    bits.set(unsorted.subarray(index * words, (index + 1) * words), place * words);
  }
  const offsets = ranked.map((index) => index * words);
  const supportedBlocks = (at: number): number => sum(graph.supported, at);
  const blocksIn = (at: number): number => {
    let blocks = 0;
    for (let block = 0; block < graph.items; block++) if (contains(unsorted, at, block)) blocks++;
    return blocks;
  };
  return {
    count,
    words,
    bits,
    complete,
    work: Float64Array.from(ranked, (index) => unsortedWork[index] ?? 0),
    cpuWork: Float64Array.from(offsets, (at) => sum(graph.cpuWork, at)),
    size: Float64Array.from(offsets, (at) => sum(graph.size, at)),
    unsupported: Int32Array.from(offsets, (at) => blocksIn(at) - supportedBlocks(at)),
    ...openNets(order, words, bits),
  };
}

/** The nets that each ideal cuts. */
function openNets(
  { graph }: BlockOrder,
  words: number,
  bits: Uint32Array,
): Pick<Ideals, "cut" | "openStart" | "openNet" | "openPins"> {
  const count = bits.length / words;
  const cut = new Float64Array(count);
  const openStart = new Int32Array(count + 1);
  const nets: number[] = [];
  const pinsInside: number[] = [];
  for (let ideal = 0; ideal < count; ideal++) {
    let cost = 0;
    for (let net = 0; net < graph.pins.length; net++) {
      const pins = graph.pins[net];
      if (pins === undefined) continue;
      let inside = 0;
      for (const pin of pins) if (contains(bits, ideal * words, pin)) inside++;
      if (inside === 0 || inside === pins.length) continue;
      nets.push(net);
      pinsInside.push(inside);
      cost += graph.cost[net] ?? 0;
    }
    cut[ideal] = cost;
    openStart[ideal + 1] = nets.length;
  }
  return { cut, openStart, openNet: Int32Array.from(nets), openPins: Int32Array.from(pinsInside) };
}
