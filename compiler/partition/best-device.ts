/**
 * What one accelerator can hold at most: over all sets of items, connected or not, with a load below a limit, the largest sum of given prices,
 * by load.
 *
 * A dynamic program decides item by item, in a fixed order, whether it is in the set. A state remembers of every net that has pins on both sides
 * of the place in the order whether its pins so far were all out, all in, or mixed (and paid for). Per state it keeps load and price of partial
 * sets. Where there are too many it relaxes, never tightens: partial sets of nearly equal load become one with the least load and the highest
 * price, and the cheapest nets count as paid. So what it gives is an upper bound on the price, exact where nothing was relaxed.
 */
import type { Hypergraph } from "./hypergraph.ts";

/** The order of decisions, with the nets as it meets them. */
export interface Sweep {
  readonly graph: Hypergraph;
  /** items that accelerators can run */
  readonly order: Int32Array;
  /** by place: the nets of the item there */
  readonly events: readonly (readonly NetEvent[])[];
}

interface NetEvent {
  readonly cost: number;
  /** place of the net's digit in the state's number */
  readonly digit: number;
  readonly opens: boolean;
  readonly closes: boolean;
  /** some pin can never be inside */
  readonly outside: boolean;
}

/** Best price by load: loads ascend, and so do prices; `sets[i]` is an index for `setOf`. */
export interface PriceCurve {
  readonly loads: readonly number[];
  readonly prices: readonly number[];
  /** the items of a point, where relaxation has left it a set */
  readonly setOf: (point: number) => Int32Array;
  /** cells that were looked through, a measure of time */
  readonly effort: number;
}

/** Open nets that a state can tell apart: 3^11 states are the most there may be. */
const maxWidth = 11;
const powers = Int32Array.from({ length: maxWidth + 1 }, (_, digit) => 3 ** digit);
const power = (digit: number): number => powers[digit] ?? 1;

const out = 0;
const inside = 1;
const mixed = 2;

interface Span {
  readonly net: number;
  readonly first: number;
  readonly last: number;
  readonly outside: boolean;
  readonly cost: number;
}

/** Prepares a sweep in the order of `sequence`; the cheapest nets are ignored where more than a state can tell apart are open. */
export function sweepOf(graph: Hypergraph, sequence: readonly number[]): Sweep {
  const order = Int32Array.from(sequence.filter((item) => graph.supported[item] === 1));
  const placeOf = new Int32Array(graph.items).fill(-1);
  for (const [place, item] of order.entries()) placeOf[item] = place;
  const spans = graph.pins.flatMap((pins, net): Span[] => {
    const places = [...pins].map((pin) => placeOf[pin] ?? -1).filter((place) => place >= 0);
    if (places.length === 0) return [];
    const outside = places.length < pins.length;
    const first = places.reduce((a, b) => Math.min(a, b));
    const last = places.reduce((a, b) => Math.max(a, b));
    return [{ net, first, last, outside, cost: graph.cost[net] ?? 0 }];
  });
  const width = new Int32Array(order.length);
  const kept = spans
    .toSorted((a, b) => b.cost - a.cost || a.net - b.net)
    .filter(({ first, last }) => {
      for (let place = first; place < last; place++) if ((width[place] ?? 0) >= maxWidth) return false;
      for (let place = first; place < last; place++) width[place] = (width[place] ?? 0) + 1;
      return true;
    });
  return { graph, order, events: eventsOf(graph, order, kept) };
}

/** Gives every net a digit while it is open. */
function eventsOf(graph: Hypergraph, order: Int32Array, kept: readonly Span[]): NetEvent[][] {
  const spanOf = new Map(kept.map((span) => [span.net, span]));
  const digitOf = new Map<number, number>();
  const free = Array.from({ length: maxWidth }, (_, digit) => maxWidth - 1 - digit);
  return [...order].map((item, place) => {
    const spans = [...(graph.netsOf[item] ?? [])].flatMap((net) => spanOf.get(net) ?? []);
    // digits of nets that close here serve the nets that open here no sooner than the next place
    const closing: number[] = [];
    const events = spans.map(({ net, first, last, outside, cost }) => {
      const opens = first === place;
      const closes = last === place;
      if (opens && !closes) digitOf.set(net, free.pop() ?? 0);
      const digit = digitOf.get(net) ?? 0;
      if (closes && !opens) closing.push(digit);
      return { cost, digit, opens, closes, outside };
    });
    free.push(...closing);
    return events;
  });
}

/** Partial sets behind one place: per state a run of entries, ascending in load and price. */
interface Layer {
  readonly keys: readonly number[];
  /** by state: where its entries begin; one more than states */
  readonly starts: readonly number[];
  readonly load: Float64Array;
  readonly price: Float64Array;
  /** twice the entry before, plus 1 when the item is in; -1 - entry for a step that decides nothing */
  readonly from: Int32Array;
  /** cells that were looked through for them */
  readonly looked: number;
}

export interface CurveOptions {
  /** loads from here on do not matter */
  readonly limit: number;
  /** loads that are told apart */
  readonly cells: number;
  /** states that are kept at once */
  readonly maxStates: number;
}

/** Runs the sweep for prices by item. */
export function priceCurve(sweep: Sweep, prices: Float64Array, options: CurveOptions): PriceCurve {
  const grid = new Grid(options);
  let layer: Layer = {
    keys: [0],
    starts: [0, 1],
    load: new Float64Array(1),
    price: new Float64Array(1),
    from: new Int32Array(1),
    looked: 1,
  };
  const layers: { readonly layer: Layer; readonly item: number }[] = [];
  const openCosts = new Map<number, number>();
  let effort = 0;
  for (const [place, item] of sweep.order.entries()) {
    const events = sweep.events[place] ?? [];
    while (layer.keys.length * 2 > options.maxStates) {
      layer = forget(layer, openCosts, grid);
      layers.push({ layer, item: -1 });
    }
    layer = decide(layer, sweep.graph.work[item] ?? 0, prices[item] ?? 0, events, grid);
    layers.push({ layer, item });
    effort += layer.looked;
    for (const { digit, cost, closes, opens } of events) {
      if (closes) openCosts.delete(opens ? -1 : digit);
      else openCosts.set(digit, cost);
    }
  }
  const last = layer;
  return {
    loads: [...last.load],
    prices: [...last.price],
    effort,
    setOf: (point) => {
      const chosen: number[] = [];
      let entry = point;
      for (let index = layers.length - 1; index >= 0; index--) {
        const { layer: at, item } = layers[index] as (typeof layers)[number];
        const from = at.from[entry] ?? 0;
        if (item >= 0 && (from & 1) === 1) chosen.push(item);
        entry = from >> 1;
      }
      return Int32Array.from(chosen);
    },
  };
}

/** Both decisions for an item. */
function decide(layer: Layer, work: number, price: number, events: readonly NetEvent[], grid: Grid): Layer {
  const { keys, starts } = layer;
  for (const [state, key] of keys.entries()) {
    const start = starts[state] ?? 0;
    const end = starts[state + 1] ?? 0;
    const leave = transition(key, events, out);
    const take = transition(key, events, inside);
    const leaveSlot = grid.slot(leave.key);
    for (let entry = start; entry < end; entry++) {
      grid.offer(leaveSlot, (layer.load[entry] ?? 0) + leave.paid, layer.price[entry] ?? 0, entry * 2);
    }
    const takeSlot = grid.slot(take.key);
    const added = work + take.paid;
    for (let entry = start; entry < end; entry++) {
      grid.offer(takeSlot, (layer.load[entry] ?? 0) + added, (layer.price[entry] ?? 0) + price, entry * 2 + 1);
    }
  }
  return grid.collect();
}

/** The state behind a decision, and what nets cost by it. */
function transition(
  key: number,
  events: readonly NetEvent[],
  choice: typeof out | typeof inside,
): { readonly key: number; readonly paid: number } {
  let next = key;
  let paid = 0;
  for (const { cost, digit, opens, closes, outside } of events) {
    const scale = power(digit);
    const before = opens ? (outside ? out : choice) : Math.floor(key / scale) % 3;
    const after = before === choice ? before : mixed;
    if (after === mixed && before !== mixed) paid += cost;
    if (!opens) next -= before * scale;
    if (!closes) next += after * scale;
  }
  return { key: next, paid };
}

/** Counts the cheapest open net as paid in all states, which merges states. */
function forget(layer: Layer, openCosts: Map<number, number>, grid: Grid): Layer {
  let cheapest = -1;
  for (const [digit, cost] of openCosts) {
    if (cheapest < 0 || cost < (openCosts.get(cheapest) ?? 0)) cheapest = digit;
  }
  if (cheapest < 0) throw new Error("internal: more states than open nets allow");
  openCosts.delete(cheapest);
  const scale = power(cheapest);
  for (const [state, key] of layer.keys.entries()) {
    const slot = grid.slot(key + (mixed - (Math.floor(key / scale) % 3)) * scale);
    const end = layer.starts[state + 1] ?? 0;
    for (let entry = layer.starts[state] ?? 0; entry < end; entry++) {
      grid.offer(slot, layer.load[entry] ?? 0, layer.price[entry] ?? 0, entry * 2);
    }
  }
  return grid.collect();
}

/** Partial sets by state and cell of load, while a layer is made. */
class Grid {
  private readonly cells: number;
  private readonly limit: number;
  private readonly scale: number;
  private slots = 0;
  private load = new Float64Array();
  private price = new Float64Array();
  private from = new Int32Array();
  /** by slot: cells in use */
  private first = new Int32Array();
  private last = new Int32Array();
  private readonly slotOf = new Map<number, number>();
  private keys: number[] = [];

  constructor({ cells, limit }: CurveOptions) {
    this.cells = cells;
    this.limit = limit;
    this.scale = cells / limit;
    this.grow(8);
  }

  private grow(slots: number): void {
    const { cells, load, price, from, first, last } = this;
    const held = this.slots;
    this.slots = slots;
    this.load = new Float64Array(cells * slots);
    this.load.set(load);
    this.price = new Float64Array(cells * slots).fill(-Infinity, cells * held);
    this.price.set(price);
    this.from = new Int32Array(cells * slots);
    this.from.set(from);
    this.first = new Int32Array(slots).fill(cells, held);
    this.first.set(first);
    this.last = new Int32Array(slots).fill(-1, held);
    this.last.set(last);
  }

  slot(key: number): number {
    const known = this.slotOf.get(key);
    if (known !== undefined) return known;
    if (this.keys.length === this.slots) this.grow(2 * this.slots);
    this.slotOf.set(key, this.keys.length);
    return this.keys.push(key) - 1;
  }

  offer(slot: number, load: number, price: number, from: number): void {
    if (load >= this.limit) return;
    const cell = Math.min(this.cells - 1, Math.floor(load * this.scale));
    const at = slot * this.cells + cell;
    const known = this.price[at] as number;
    if (known === -Infinity) {
      if (cell < (this.first[slot] as number)) this.first[slot] = cell;
      if (cell > (this.last[slot] as number)) this.last[slot] = cell;
      this.load[at] = load;
      this.price[at] = price;
      this.from[at] = from;
      return;
    }
    if (load < (this.load[at] as number)) this.load[at] = load;
    if (price > known) {
      this.price[at] = price;
      this.from[at] = from;
    }
  }

  /** The layer of what was offered, without what is dominated; clears the grid. */
  collect(): Layer {
    const keys: number[] = [];
    const starts = [0];
    let room = 0;
    for (let slot = 0; slot < this.keys.length; slot++)
      room += Math.max(0, (this.last[slot] ?? 0) - (this.first[slot] ?? 0) + 1);
    const load = new Float64Array(room);
    const price = new Float64Array(room);
    const from = new Int32Array(room);
    let length = 0;
    for (const [slot, key] of this.keys.entries()) {
      let best = -Infinity;
      const end = slot * this.cells + (this.last[slot] ?? 0);
      for (let at = slot * this.cells + (this.first[slot] ?? 0); at <= end; at++) {
        const value = this.price[at] as number;
        if (value === -Infinity) continue;
        this.price[at] = -Infinity;
        if (value <= best) continue;
        best = value;
        load[length] = this.load[at] as number;
        price[length] = value;
        from[length++] = this.from[at] as number;
      }
      this.first[slot] = this.cells;
      this.last[slot] = -1;
      if (length === starts.at(-1)) continue;
      keys.push(key);
      starts.push(length);
    }
    this.keys = [];
    this.slotOf.clear();
    return {
      keys,
      starts,
      load: load.slice(0, length),
      price: price.slice(0, length),
      from: from.slice(0, length),
      looked: room,
    };
  }
}
