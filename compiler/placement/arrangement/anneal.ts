/**
 * Annealing over slicing trees. A state is a tree and a limit of cycles; its cost is that of the arrangement, and where the tree is higher than
 * the rectangle, so much more as the cycles would have to grow to make room. Every some thousand steps the limit is tuned to the tree, so that
 * packing tighter turns into fewer cycles.
 */
import { type ArrangementProblem, type Arrangement, type ClassShapes, costOf, type Spot } from "./arrangement.ts";
import { cornerUnder, cornerWithin, type Curve, SlicingTree, type TreeShape } from "./slicing-tree.ts";

/** A tree with the limit of cycles at which it fits. */
export interface Tuned {
  readonly cost: number;
  readonly limit: number;
  readonly shape: TreeShape;
}

/** How hot a run is: temperatures as shares of the cost. */
export interface Schedule {
  readonly steps: number;
  readonly hot: number;
  readonly cold: number;
}

/** What a run may cost: it ends at the first of these. */
export interface RunLimits {
  readonly steps: number;
  /** units of work */
  readonly work: number;
  /** milliseconds since the epoch; a guard, since it makes results depend on the machine */
  readonly deadline: number;
}

/** Units of work for laying out one item, and for listing the shapes of one class at a limit, where a corner of a curve is one. */
const workPerItem = 8;
const workPerClass = 4000;

/** A tree that is higher than the rectangle costs this much more than the cycles that would make it fit. */
const overflowPenalty = 1.3;

/** Tunings of the limit in a run, and the least steps between two. */
const tunings = 60;
const leastBetween = 2000;

/** How far from the present limit a tuning looks. */
const tuningSpan = 0.01;

/** Limits above the least one that fits which a tuning tries, for shorter wires. */
const laxer = [1.005, 1.01, 1.02, 1.04, 1.08, 1.16] as const;

/** The state of an annealing: a tree, where its items stand, and the limit. */
export class Annealing {
  readonly #problem: ArrangementProblem;
  readonly #tree: SlicingTree;
  readonly #items: number;
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  /** by item: at the other ends of its wires */
  readonly #neighbours: readonly Int32Array[];
  /** by node, the box it is given */
  readonly #x: Int32Array;
  readonly #y: Int32Array;
  readonly #wide: Int32Array;
  readonly #high: Int32Array;
  /** by item, twice its centre */
  readonly #centreX: Int32Array;
  readonly #centreY: Int32Array;
  readonly #pending: Int32Array;
  #shapes: readonly ClassShapes[] = [];
  #limit = 0;
  #layouts = 0;
  #limits = 0;
  /** true while fewer cycles are had by packing tighter, not by shorter wires */
  #tight = true;

  constructor(problem: ArrangementProblem) {
    const { items, wires, width, height } = problem;
    this.#problem = problem;
    this.#items = items.length;
    this.#tree = new SlicingTree(items.length, width, Math.min(2 * height, 60_000));
    this.#from = Int32Array.from(wires, ({ from }) => from);
    this.#to = Int32Array.from(wires, ({ to }) => to);
    const ends: number[][] = items.map(() => []);
    for (const { from, to } of wires) {
      ends[from]?.push(to);
      ends[to]?.push(from);
    }
    this.#neighbours = ends.map((list) => Int32Array.from(list));
    const perNode = (): Int32Array => new Int32Array(2 * items.length);
    [this.#x, this.#y, this.#wide, this.#high] = [perNode(), perNode(), perNode(), perNode()];
    [this.#centreX, this.#centreY, this.#pending] = [perNode(), perNode(), perNode()];
  }

  /** Units of work done so far, the same on every machine: corners of curves, and items laid out. */
  get work(): number {
    const items = this.#items;
    const classes = this.#shapes.length;
    return this.#tree.corners + items * workPerItem * this.#layouts + classes * workPerClass * this.#limits;
  }

  /** Takes a tree at a limit, and tunes the limit; null when it fits at none nearby. */
  start(shape: TreeShape, limit: number): Tuned | null {
    this.#tree.copyFrom(shape);
    return this.#tune(limit);
  }

  /**
   * Anneals from the present state; returns the best state seen, or null when none fits. Stops before the schedule's end at its limits. `random`
   * gives numbers in [0, 1).
   */
  run({ steps, hot, cold }: Schedule, limits: RunLimits, random: () => number): Tuned | null {
    const tree = this.#tree;
    const lastWork = this.work + limits.work;
    const between = Math.max(leastBetween, Math.floor(steps / tunings));
    let cost = this.#cost();
    let best: Tuned | null = null;
    for (let step = 1; step <= Math.min(steps, limits.steps) && this.work < lastWork; step++) {
      if (step % between === 0) {
        if (Date.now() > limits.deadline) break;
        const tuned = this.#tune(this.#limit);
        if (tuned !== null && (best === null || tuned.cost < best.cost)) best = tuned;
        cost = this.#cost();
      }
      if (!this.#change(random)) continue;
      const next = this.#cost();
      const temperature = cost * hot * Math.pow(cold / hot, step / steps);
      if (next <= cost || random() < Math.exp((cost - next) / temperature)) {
        tree.keep();
        cost = next;
        const fits = this.#height() <= this.#problem.height;
        if (fits && (best === null || this.#plainCost() < best.cost)) {
          best = { cost: this.#plainCost(), limit: this.#limit, shape: tree.shape() };
        }
      } else tree.undo();
    }
    return best;
  }

  /** Writes a state out; the cycles are those of the slowest shape that stands. */
  arrangement({ shape, limit }: Pick<Tuned, "shape" | "limit">): Arrangement {
    this.#tree.copyFrom(shape);
    this.#setLimit(limit);
    this.#layOut();
    let cycles = 0;
    const spots = this.#problem.items.map((kind, item): Spot => {
      const shapes = this.#shapes[kind] as ClassShapes;
      const corner = cornerWithin(shapes, this.#wide[item] as number);
      const width = shapes.widths[corner] as number;
      const height = shapes.heights[corner] as number;
      cycles = Math.max(cycles, shapes.cycles[corner] as number);
      const x = ((this.#centreX[item] as number) - width) / 2;
      const y = ((this.#centreY[item] as number) - height) / 2;
      return { x, y, width, height };
    });
    const wire = this.#wire();
    return { limit, cycles, wire, cost: costOf(this.#problem, cycles, wire), spots, boxes: this.#boxes() };
  }

  #boxes(): Spot[] {
    return this.#problem.items.map((_, item) => ({
      x: this.#x[item] as number,
      y: this.#y[item] as number,
      width: this.#wide[item] as number,
      height: this.#high[item] as number,
    }));
  }

  /** False when some class has no shape of so few cycles. */
  #setLimit(limit: number): boolean {
    this.#limit = limit;
    this.#limits++;
    this.#shapes = this.#problem.shapesAt(limit);
    for (const [item, kind] of this.#problem.items.entries()) {
      const shapes = this.#shapes[kind];
      if (shapes === undefined || shapes.count === 0) return false;
      this.#tree.setLeaf(item, shapes);
    }
    this.#tree.computeAll();
    return true;
  }

  /** Finds the limit near a given one at which the tree as it is costs least. */
  #tune(limit: number): Tuned | null {
    let best: { readonly cost: number; readonly limit: number } | null = null;
    const fits = (at: number): boolean => {
      if (!this.#setLimit(at) || !this.#layOut() || this.#height() > this.#problem.height) return false;
      const cost = this.#plainCost();
      if (best === null || cost < best.cost || (cost === best.cost && at < best.limit)) best = { cost, limit: at };
      return true;
    };
    const least = leastFitting(fits, limit);
    if (least === null) {
      this.#setLimit(limit);
      return null;
    }
    for (const factor of laxer) fits(least * factor);
    const found = best as { readonly cost: number; readonly limit: number } | null;
    if (found === null) return null;
    this.#tight = found.limit <= least * 1.004;
    this.#setLimit(found.limit);
    return { ...found, shape: this.#tree.shape() };
  }

  #height(): number {
    const { heights, count } = this.#tree.curve(this.#tree.root);
    return count === 0 ? Infinity : (heights[count - 1] as number);
  }

  #plainCost(): number {
    return costOf(this.#problem, this.#limit, this.#wire());
  }

  /** What annealing minimises. */
  #cost(): number {
    if (!this.#layOut()) return Infinity;
    const { height, timeWeight } = this.#problem;
    const over = this.#height() - height;
    const factor = over > 0 ? overflowPenalty : this.#tight ? 1 : 0;
    return this.#plainCost() + (factor * over * timeWeight * this.#limit) / height;
  }

  #wire(): number {
    const [from, to, x, y] = [this.#from, this.#to, this.#centreX, this.#centreY];
    let doubled = 0;
    for (let wire = 0; wire < from.length; wire++) {
      const a = from[wire] as number;
      const b = to[wire] as number;
      doubled += Math.abs((x[a] as number) - (x[b] as number)) + Math.abs((y[a] as number) - (y[b] as number));
    }
    return doubled / 2;
  }

  /** Gives every node its box, each in the middle of what is left; false when the tree has no box that is narrow enough. */
  #layOut(): boolean {
    const tree = this.#tree;
    const { widths, heights, count } = tree.curve(tree.root);
    if (count === 0) return false;
    this.#layouts++;
    const pending = this.#pending;
    this.#giveBox(tree.root, 0, 0, widths[count - 1] as number, heights[count - 1] as number);
    let waiting = 0;
    pending[waiting++] = tree.root;
    while (waiting > 0) {
      const node = pending[--waiting] as number;
      if (node < this.#items) {
        this.#stand(node);
        continue;
      }
      this.#divide(node);
      pending[waiting++] = tree.first[node] as number;
      pending[waiting++] = tree.second[node] as number;
    }
    return true;
  }

  #giveBox(node: number, x: number, y: number, width: number, height: number): void {
    this.#x[node] = x;
    this.#y[node] = y;
    this.#wide[node] = width;
    this.#high[node] = height;
  }

  #divide(node: number): void {
    const tree = this.#tree;
    const [x, y, width, height] = [
      this.#x[node] as number,
      this.#y[node] as number,
      this.#wide[node] as number,
      this.#high[node] as number,
    ];
    const a = tree.first[node] as number;
    const b = tree.second[node] as number;
    if (tree.stacked[node] === 1) {
      const below = heightIn(tree.curve(a), width);
      const above = heightIn(tree.curve(b), width);
      const start = y + ((height - below - above) >> 1);
      this.#giveBox(a, x, start, width, below);
      this.#giveBox(b, x, start + below, width, above);
    } else {
      const left = widthIn(tree.curve(a), height);
      const right = widthIn(tree.curve(b), height);
      const start = x + ((width - left - right) >> 1);
      this.#giveBox(a, start, y, left, height);
      this.#giveBox(b, start + left, y, right, height);
    }
  }

  /** Stands an item in the middle of its box. */
  #stand(item: number): void {
    const curve = this.#tree.curve(item);
    const [wide, high] = [this.#wide[item] as number, this.#high[item] as number];
    const corner = cornerWithin(curve, wide);
    const width = curve.widths[corner] as number;
    const height = curve.heights[corner] as number;
    this.#centreX[item] = 2 * ((this.#x[item] as number) + ((wide - width) >> 1)) + width;
    this.#centreY[item] = 2 * ((this.#y[item] as number) + ((high - height) >> 1)) + height;
  }

  /** Makes one random change; false when the dice gave none. */
  #change(random: () => number): boolean {
    if (this.#items < 2) return false;
    const roll = random();
    if (roll < 0.2) return this.#exchange(random);
    const inner = this.#items + below(random, this.#items - 1);
    if (roll < 0.3) return this.#turn(inner);
    if (roll < 0.4) return this.#reverse(inner);
    if (roll < 0.55) return this.#rotate(inner, random);
    return this.#move(random, roll > 0.8);
  }

  /** Exchanges two items, often near ones in the flow. */
  #exchange(random: () => number): boolean {
    const a = below(random, this.#items);
    const b = random() < 0.5 ? this.#secondNeighbour(a, random) : below(random, this.#items);
    if (a === b) return false;
    const tree = this.#tree;
    const [parentA, parentB] = [tree.parent[a] as number, tree.parent[b] as number];
    if (parentA === parentB) return this.#reverse(parentA);
    tree.replaceChild(parentA, a, b);
    tree.replaceChild(parentB, b, a);
    if (this.#problem.items[a] === this.#problem.items[b]) return true;
    tree.updateFrom(parentA);
    tree.updateFrom(parentB);
    return true;
  }

  /** A neighbour of a neighbour in the flow, or a neighbour. */
  #secondNeighbour(item: number, random: () => number): number {
    const near = pick(this.#neighbours[item], random) ?? item;
    const next = pick(this.#neighbours[near], random) ?? near;
    return next === item ? near : next;
  }

  /** Cuts the other way. */
  #turn(inner: number): boolean {
    this.#tree.setStacked(inner, this.#tree.stacked[inner] === 0);
    this.#tree.updateFrom(inner);
    return true;
  }

  /** Exchanges the two parts of a node. */
  #reverse(inner: number): boolean {
    const tree = this.#tree;
    tree.setParts(inner, tree.second[inner] as number, tree.first[inner] as number);
    return true;
  }

  /** ((a b) c) becomes (a (b c)), or the other way round; cuts stay with the nodes or change places. */
  #rotate(upper: number, random: () => number): boolean {
    const tree = this.#tree;
    const fromFirst = random() < 0.5;
    const lower = (fromFirst ? tree.first[upper] : tree.second[upper]) as number;
    if (lower < this.#items) return false;
    const [a, b] = [tree.first[lower] as number, tree.second[lower] as number];
    const c = (fromFirst ? tree.second[upper] : tree.first[upper]) as number;
    if (fromFirst) {
      tree.setParts(lower, b, c);
      tree.setParts(upper, a, lower);
    } else {
      tree.setParts(lower, c, a);
      tree.setParts(upper, lower, b);
    }
    const [cutUpper, cutLower] = [tree.stacked[upper], tree.stacked[lower]];
    if (cutUpper !== cutLower && random() < 0.5) {
      tree.setStacked(upper, cutLower === 1);
      tree.setStacked(lower, cutUpper === 1);
    }
    tree.updateFrom(lower);
    return true;
  }

  /** Takes a part out and sets it beside another one, often one around a neighbour in the flow. */
  #move(random: () => number, larger: boolean): boolean {
    const tree = this.#tree;
    const item = below(random, this.#items);
    const part = larger ? this.#above(item, 1 + below(random, 3)) : item;
    const joint = tree.parent[part] as number;
    if (joint < 0) return false;
    const left = (tree.first[joint] === part ? tree.second[joint] : tree.first[joint]) as number;
    const target = this.#target(item, random);
    const beside = target === joint ? left : target;
    if (this.#isWithin(beside, part)) return false;
    const old = tree.parent[joint] as number;
    tree.replaceChild(old, joint, left);
    tree.replaceChild(tree.parent[beside] as number, beside, joint);
    if (random() < 0.5) tree.setParts(joint, part, beside);
    else tree.setParts(joint, beside, part);
    tree.setStacked(joint, random() < 0.5);
    if (old >= 0) tree.updateFrom(old);
    tree.updateFrom(joint);
    return true;
  }

  #target(item: number, random: () => number): number {
    const near = pick(this.#neighbours[item], random);
    if (near === undefined || random() < 0.3) return below(random, 2 * this.#items - 1);
    let levels = 0;
    while (levels < 6 && random() < 0.5) levels++;
    return this.#above(near, levels);
  }

  #above(node: number, levels: number): number {
    let at = node;
    for (let level = 0; level < levels && (this.#tree.parent[at] as number) >= 0; level++)
      at = this.#tree.parent[at] as number;
    return at;
  }

  #isWithin(node: number, part: number): boolean {
    for (let at = node; at >= 0; at = this.#tree.parent[at] as number) if (at === part) return true;
    return false;
  }
}

const heightIn = (curve: Curve, width: number): number => curve.heights[cornerWithin(curve, width)] as number;

const widthIn = (curve: Curve, height: number): number => curve.widths[cornerUnder(curve, height)] as number;

const below = (random: () => number, count: number): number => Math.floor(random() * count);

const pick = (list: Int32Array | undefined, random: () => number): number | undefined =>
  list === undefined || list.length === 0 ? undefined : list[below(random, list.length)];

/** The least limit that fits, to a ten-thousandth, near a given one; null when none does. */
function leastFitting(fits: (limit: number) => boolean, limit: number): number | null {
  let low = limit * (1 - tuningSpan);
  let high = limit;
  if (fits(limit)) {
    if (fits(low)) return low;
  } else {
    [low, high] = [limit, limit * (1 + tuningSpan)];
    if (!fits(high)) {
      [low, high] = [high, limit * (1 + 8 * tuningSpan)];
      if (!fits(high)) return null;
    }
  }
  while (high - low > 1e-4 * limit) {
    const middle = (low + high) / 2;
    if (fits(middle)) high = middle;
    else low = middle;
  }
  return high;
}
