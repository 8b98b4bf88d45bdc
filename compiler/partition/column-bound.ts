/**
 * A lower bound on the largest load of any split, by prices. Give every item a price; let p(T) be the most that an accelerator with a load of
 * at most T can hold (best-device.ts, relaxed upwards), q(T) the most that a CPU can (a fractional knapsack). While
 *
 *     accelerators * p(T) + CPUs * q(T) < sum of all prices
 *
 * no split has a largest load of T: its devices together hold all items. Any prices give a bound; good ones are found by a subgradient method,
 * whose limit is the linear relaxation of "choose sets of load T that cover all items".
 */
import { type CurveOptions, type PriceCurve, priceCurve, type Sweep, sweepOf } from "./best-device.ts";
import { type Hypergraph, type Machine, total } from "./hypergraph.ts";

export interface ColumnBoundOptions {
  /** what `workBound` gives */
  readonly lower: number;
  /** a load that is reached; bounds end here */
  readonly upper: number;
  /** items, neighbours close to each other */
  readonly sequence: readonly number[];
  /** partial sets that all sweeps together may look at, about */
  readonly effort: number;
  readonly isOver: () => boolean;
  readonly onBetter?: (bound: number) => void;
}

/** Partial sets that one sweep of the search, and the last one, may look at, about. */
const sweepEffort = 1_000_000;
const lastEffort = 8_000_000;
/** Loads that a sweep tells apart, at least and at most. */
const fewCells = 64;
const manyCells = 8_192;
const cellsPerItem = 64;
const maxSteps = 120;
/** States that are worth a sweep, and that memory allows. */
const fewStates = 8;
const manyStates = 1_200;

/** The best bound that the subgradient method proves within its effort; never below `lower`. */
export function columnBound(graph: Hypergraph, machine: Machine, options: ColumnBoundOptions): number {
  const { lower, upper, isOver } = options;
  const maxStates = Math.min(manyStates, Math.floor((3 * lastEffort) / (fewCells * graph.items)));
  if (machine.accelerators < 2 || !(upper > lower) || graph.items < 2 || maxStates < fewStates) return lower;
  const sweep = sweepOf(graph, options.sequence);
  const mostCells = Math.min(manyCells, cellsPerItem * graph.items);
  const at = (prices: Float64Array, cells: number): Evaluation =>
    evaluate(graph, machine, sweep, prices, { limit: upper, cells, maxStates });
  const start = startPrices(graph);
  const { cells, evaluation } = finest(fewCells, mostCells, sweepEffort, (count) => at(start, count));
  const search = new PriceSearch(start, evaluation);
  let spent = evaluation.effort;
  for (let step = 0; step < maxSteps; step++) {
    if (spent >= options.effort || search.bound >= upper || isOver()) break;
    const prices = search.propose();
    const next = at(prices, cells);
    spent += next.effort;
    if (search.learn(prices, next)) options.onBetter?.(next.bound);
  }
  if (search.bound >= upper || isOver()) return Math.max(lower, Math.min(upper, search.bound));
  // rounding of loads costs some of the bound: once more with all the precision that memory allows
  const last = finest(cells, mostCells, Math.min(lastEffort, options.effort), (count) => at(search.centre, count));
  return Math.max(lower, search.bound, last.evaluation.bound);
}

/** Evaluates with ever more cells until the effort is reached. */
function finest(
  start: number,
  most: number,
  effort: number,
  at: (cells: number) => Evaluation,
): { readonly cells: number; readonly evaluation: Evaluation } {
  let cells = start;
  let evaluation = at(cells);
  while (cells < most && evaluation.effort * 2 < effort) {
    const factor = Math.min(8, Math.max(2, effort / (2 * evaluation.effort)));
    cells = Math.min(most, Math.floor(cells * factor));
    evaluation = at(cells);
  }
  return { cells, evaluation };
}

/** Steps from the best prices so far along an average of slopes; steps become shorter as they fail. */
class PriceSearch {
  centre: Float64Array;
  bound: number;
  private slope: Float64Array;
  private direction: Float64Array;
  private length = 0.1;
  private failures = 0;

  constructor(centre: Float64Array, { bound, slope }: Evaluation) {
    this.centre = centre;
    this.bound = bound;
    this.slope = slope;
    this.direction = slope;
  }

  propose(): Float64Array {
    return along(this.centre, this.direction, this.length);
  }

  /** Takes in what prices have shown; true when they are the best so far. */
  learn(prices: Float64Array, { bound, slope }: Evaluation): boolean {
    const better = bound > this.bound;
    if (better) {
      this.bound = bound;
      this.centre = prices;
      this.slope = slope;
      this.length *= 1.2;
      this.failures = 0;
    } else if (++this.failures % 2 === 0) this.length *= 0.75;
    this.direction = this.direction.map((old, item) => 0.75 * old + 0.25 * (slope[item] ?? 0));
    if (this.length < shortest) {
      this.length = 0.05;
      this.direction = this.slope;
    }
    return better;
  }
}

const shortest = 2e-4;

/** Work, and a share of what an item's nets cost. */
function startPrices({ items, work, netsOf, pins, cost }: Hypergraph): Float64Array {
  const prices = new Float64Array(items);
  for (let item = 0; item < items; item++) {
    let price = work[item] ?? 0;
    for (const net of netsOf[item] ?? []) price += (0.01 * (cost[net] ?? 0)) / (pins[net]?.length ?? 1);
    prices[item] = price;
  }
  return normalized(prices);
}

function normalized(prices: Float64Array): Float64Array {
  const sum = total(prices);
  return sum > 0 ? prices.map((price) => price / sum) : prices.map(() => 1 / prices.length);
}

/** A step: items that the best sets hold too often become cheaper. */
function along(centre: Float64Array, direction: Float64Array, length: number): Float64Array {
  let norm = 0;
  for (const part of direction) norm += Math.abs(part);
  if (norm === 0) return centre;
  const scale = length / norm;
  return normalized(centre.map((price, item) => price + scale * (direction[item] ?? 0)));
}

interface Evaluation {
  /** no split is below */
  readonly bound: number;
  /** 1 - how often the best sets hold the item */
  readonly slope: Float64Array;
  readonly effort: number;
}

/** The largest time for which the prices prove that there is no split. */
function evaluate(
  graph: Hypergraph,
  machine: Machine,
  sweep: Sweep,
  prices: Float64Array,
  options: CurveOptions,
): Evaluation {
  const curve = priceCurve(sweep, prices, options);
  const cpu = cpuCurve(graph, prices);
  const { bound, point } = crossing(machine, curve, cpu, total(prices), options.limit);
  const slope = new Float64Array(graph.items).fill(1);
  if (point >= 0) for (const item of curve.setOf(point)) slope[item] = 1 - machine.accelerators;
  if (machine.cpus > 0) cpu.subtract(slope, bound, machine.cpus);
  return { bound, slope, effort: curve.effort };
}

/** Room for rounding in sums of prices, relative to their sum. */
const safety = 1e-9;

/** Walks up the curve to the first load at which the devices can hold everything. */
function crossing(
  { accelerators, cpus }: Machine,
  { loads, prices }: PriceCurve,
  cpu: CpuCurve,
  sum: number,
  upper: number,
): { readonly bound: number; readonly point: number } {
  const held = (price: number, time: number): boolean =>
    accelerators * Math.max(0, price) + (cpus > 0 ? cpus * cpu.at(time) : 0) >= sum - safety * Math.abs(sum);
  for (const [point, load] of loads.entries()) {
    const price = prices[point] ?? 0;
    const end = Math.min(upper, loads[point + 1] ?? upper);
    if (held(price, load)) return { bound: load * (1 - safety), point };
    if (cpus === 0 || !held(price, end)) continue;
    let low = load;
    let high = end;
    for (let step = 0; step < 40; step++) {
      const middle = (low + high) / 2;
      if (held(price, middle)) high = middle;
      else low = middle;
    }
    return { bound: low * (1 - safety), point };
  }
  return { bound: upper, point: loads.length - 1 };
}

interface CpuCurve {
  readonly at: (time: number) => number;
  /** Takes what CPUs hold at a time off a slope. */
  readonly subtract: (slope: Float64Array, time: number, cpus: number) => void;
}

/** The fractional knapsack of one CPU: items of the highest price per time first. */
function cpuCurve({ items, cpuWork }: Hypergraph, prices: Float64Array): CpuCurve {
  const order = Array.from({ length: items }, (_, item) => item).filter((item) => (prices[item] ?? 0) > 0);
  const rate = (item: number): number => (prices[item] ?? 0) / (cpuWork[item] ?? 0);
  order.sort((a, b) => (rate(b) === rate(a) ? a - b : rate(b) - rate(a)));
  const times = new Float64Array(order.length + 1);
  const sums = new Float64Array(order.length + 1);
  for (const [place, item] of order.entries()) {
    times[place + 1] = (times[place] ?? 0) + (cpuWork[item] ?? 0);
    sums[place + 1] = (sums[place] ?? 0) + (prices[item] ?? 0);
  }
  /** Items that fit whole. */
  const whole = (time: number): number => {
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((times[middle] ?? Infinity) <= time) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  const partOf = (place: number, time: number): number => {
    const length = (times[place + 1] ?? 0) - (times[place] ?? 0);
    return place < order.length && length > 0 ? (time - (times[place] ?? 0)) / length : 0;
  };
  return {
    at: (time) => {
      const place = whole(time);
      return (sums[place] ?? 0) + partOf(place, time) * ((sums[place + 1] ?? 0) - (sums[place] ?? 0));
    },
    subtract: (slope, time, cpus) => {
      const place = whole(time);
      for (let index = 0; index <= place && index < order.length; index++) {
        const item = order[index] ?? 0;
        slope[item] = (slope[item] ?? 0) - cpus * (index < place ? 1 : partOf(place, time));
      }
    },
  };
}
