/**
 * A slicing floorplan that can be changed step by step: a binary tree whose leaves are items and whose inner nodes set two parts side by side or
 * one above the other. Every node keeps the curve of its smallest boxes (Stockmeyer), so a change costs two walks to the root, and taking it
 * back costs nothing but pointing at the old curves again.
 */

/** Smallest boxes of a part: widths ascend, heights descend. */
export interface Curve {
  readonly widths: Uint16Array;
  readonly heights: Uint16Array;
  readonly count: number;
}

interface Buffer {
  readonly widths: Uint16Array;
  readonly heights: Uint16Array;
  count: number;
}

const none = -1;

/** The tree alone, without its curves. Leaves are nodes 0..leaves-1; an inner node with `stacked` has its first part below the second, else left of it. */
export interface TreeShape {
  readonly root: number;
  readonly parent: Int32Array;
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly stacked: Uint8Array;
}

/** A part of a tree that is being built: an item, or parts set one above the other (from below) or abreast (from the left). */
export type Part = number | { readonly stacked: boolean; readonly parts: readonly Part[] };

export class SlicingTree implements TreeShape {
  readonly leaves: number;
  root: number = none;
  readonly parent: Int32Array;
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly stacked: Uint8Array;
  /** corners of curves that were walked so far: what most of the time goes into */
  corners = 0;
  readonly #width: number;
  readonly #highest: number;
  /** curves in force, by node; leaves' come from outside */
  readonly #curves: Curve[];
  readonly #spare: Buffer[];
  /** inner nodes whose curve was computed since the last change was kept */
  readonly #touched: number[] = [];
  readonly #isTouched: Uint8Array;
  /** fields changed since then: which one, where, and what it was */
  readonly #journal: number[] = [];

  /** A tree of `leaves` items on a rectangle of a width (cores); boxes higher than `highest` are forgotten. */
  constructor(leaves: number, width: number, highest: number) {
    this.leaves = leaves;
    const nodes = Math.max(1, 2 * leaves - 1);
    this.parent = new Int32Array(nodes).fill(none);
    this.first = new Int32Array(nodes).fill(none);
    this.second = new Int32Array(nodes).fill(none);
    this.stacked = new Uint8Array(nodes);
    this.#width = width;
    this.#highest = highest;
    const buffer = (size: number): Buffer => ({
      widths: new Uint16Array(size),
      heights: new Uint16Array(size),
      count: 0,
    });
    const sizes = Array.from({ length: nodes }, (_, node) => (node < leaves ? 0 : width + 1));
    this.#curves = sizes.map(buffer);
    this.#spare = sizes.map(buffer);
    this.#isTouched = new Uint8Array(nodes);
  }

  curve(node: number): Curve {
    return this.#curves[node] as Curve;
  }

  setLeaf(item: number, curve: Curve): void {
    this.#curves[item] = curve;
  }

  /** Takes over a shape of as many leaves; curves have to be computed afterwards. */
  copyFrom(other: TreeShape): void {
    this.root = other.root;
    this.parent.set(other.parent);
    this.first.set(other.first);
    this.second.set(other.second);
    this.stacked.set(other.stacked);
  }

  /** A copy of the shape. */
  shape(): TreeShape {
    const { root, parent, first, second, stacked } = this;
    return { root, parent: parent.slice(), first: first.slice(), second: second.slice(), stacked: stacked.slice() };
  }

  /** Computes all curves, children before parents. */
  computeAll(): void {
    const order: number[] = [];
    const pending = [this.root];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      if (node < this.leaves) continue;
      order.push(node);
      pending.push(this.first[node] as number, this.second[node] as number);
    }
    for (const node of order.reverse()) this.#combine(node, this.#curves[node] as Buffer);
    this.keep();
  }

  /** Computes the curves from a node up to the root. */
  updateFrom(node: number): void {
    for (let at = node; at !== none; at = this.parent[at] as number) {
      if (this.#isTouched[at] === 0) {
        this.#isTouched[at] = 1;
        this.#touched.push(at);
        this.#swap(at);
      }
      this.#combine(at, this.#curves[at] as Buffer);
    }
  }

  /** Ends a change: it stays. */
  keep(): void {
    for (const node of this.#touched) this.#isTouched[node] = 0;
    this.#touched.length = 0;
    this.#journal.length = 0;
  }

  /** Ends a change: shape and curves are as before. */
  undo(): void {
    const journal = this.#journal;
    for (let at = journal.length - 3; at >= 0; at -= 3)
      this.#write(journal[at] as Field, journal[at + 1] as number, journal[at + 2] as number);
    for (const node of this.#touched) this.#swap(node);
    this.keep();
  }

  setStacked(node: number, stacked: boolean): void {
    this.#set(fields.stacked, node, stacked ? 1 : 0);
  }

  /** Puts a node in the place of another one under a parent; `none` (-1) stands above the root. */
  replaceChild(parent: number, old: number, child: number): void {
    if (parent === none) this.#set(fields.root, 0, child);
    else this.#set(this.first[parent] === old ? fields.first : fields.second, parent, child);
    this.#set(fields.parent, child, parent);
  }

  /** Gives a node its two parts. */
  setParts(node: number, first: number, second: number): void {
    this.#set(fields.first, node, first);
    this.#set(fields.second, node, second);
    this.#set(fields.parent, first, node);
    this.#set(fields.parent, second, node);
  }

  #set(field: Field, node: number, value: number): void {
    this.#journal.push(field, node, this.#write(field, node, value));
  }

  /** Writes a field; returns what it was. */
  #write(field: Field, node: number, value: number): number {
    if (field === fields.root) {
      const before = this.root;
      this.root = value;
      return before;
    }
    const array =
      field === fields.parent
        ? this.parent
        : field === fields.first
          ? this.first
          : field === fields.second
            ? this.second
            : this.stacked;
    const before = array[node] as number;
    array[node] = value;
    return before;
  }

  #swap(node: number): void {
    const before = this.#curves[node] as Buffer;
    this.#curves[node] = this.#spare[node] as Buffer;
    this.#spare[node] = before;
  }

  #combine(node: number, out: Buffer): void {
    const a = this.#curves[this.first[node] as number] as Curve;
    const b = this.#curves[this.second[node] as number] as Curve;
    this.corners += a.count + b.count;
    if (this.stacked[node] === 1) stack(a, b, this.#highest, out);
    else setAbreast(a, b, this.#width, out);
  }
}

const fields = { root: 0, parent: 1, first: 2, second: 3, stacked: 4 } as const;

type Field = (typeof fields)[keyof typeof fields];

/** Builds the shape of nested parts; long rows of parts become balanced trees, so that ways to the root are short. */
export function treeOf(part: Part, leaves: number): TreeShape {
  const nodes = Math.max(1, 2 * leaves - 1);
  const shape = {
    parent: new Int32Array(nodes).fill(none),
    first: new Int32Array(nodes).fill(none),
    second: new Int32Array(nodes).fill(none),
    stacked: new Uint8Array(nodes),
  };
  let next = leaves;
  const join = (parts: readonly Part[], stacked: boolean): number => {
    if (parts.length === 1) return build(parts[0] as Part);
    const half = parts.length >> 1;
    const node = next++;
    shape.stacked[node] = stacked ? 1 : 0;
    for (const [side, some] of [
      [shape.first, parts.slice(0, half)],
      [shape.second, parts.slice(half)],
    ] as const) {
      const child = join(some, stacked);
      side[node] = child;
      shape.parent[child] = node;
    }
    return node;
  };
  const build = (of: Part): number => (typeof of === "number" ? of : join(of.parts, of.stacked));
  return { root: build(part), ...shape };
}

/** Heights add up at every width that is a corner of either curve. */
function stack(a: Curve, b: Curve, highest: number, out: Buffer): void {
  let count = 0;
  if (a.count > 0 && b.count > 0) {
    const { widths: aw, heights: ah, count: an } = a;
    const { widths: bw, heights: bh, count: bn } = b;
    let i = 0;
    let j = 0;
    let width = Math.max(aw[0] as number, bw[0] as number);
    while (i + 1 < an && (aw[i + 1] as number) <= width) i++;
    while (j + 1 < bn && (bw[j + 1] as number) <= width) j++;
    for (;;) {
      const height = (ah[i] as number) + (bh[j] as number);
      if (height <= highest) {
        out.widths[count] = width;
        out.heights[count] = height;
        count++;
      }
      const nextA = i + 1 < an ? (aw[i + 1] as number) : 65_536;
      const nextB = j + 1 < bn ? (bw[j + 1] as number) : 65_536;
      if (nextA === 65_536 && nextB === 65_536) break;
      width = Math.min(nextA, nextB);
      if (nextA === width) i++;
      if (nextB === width) j++;
    }
  }
  out.count = count;
}

/** Widths add up at every height that is a corner of either curve; written from the low and wide end, then put in order. */
function setAbreast(a: Curve, b: Curve, widest: number, out: Buffer): void {
  let at = out.widths.length;
  if (a.count > 0 && b.count > 0) {
    const { widths: aw, heights: ah } = a;
    const { widths: bw, heights: bh } = b;
    let i = a.count - 1;
    let j = b.count - 1;
    let height = Math.max(ah[i] as number, bh[j] as number);
    while (i > 0 && (ah[i - 1] as number) <= height) i--;
    while (j > 0 && (bh[j - 1] as number) <= height) j--;
    for (;;) {
      const width = (aw[i] as number) + (bw[j] as number);
      if (width <= widest) {
        at--;
        out.widths[at] = width;
        out.heights[at] = height;
      }
      const nextA = i > 0 ? (ah[i - 1] as number) : 65_536;
      const nextB = j > 0 ? (bh[j - 1] as number) : 65_536;
      if (nextA === 65_536 && nextB === 65_536) break;
      height = Math.min(nextA, nextB);
      if (nextA === height) i--;
      if (nextB === height) j--;
    }
  }
  out.count = out.widths.length - at;
  out.widths.copyWithin(0, at);
  out.heights.copyWithin(0, at);
}

/** Index of the lowest box within a width, or -1. */
export function cornerWithin({ widths, count }: Curve, width: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((widths[middle] as number) <= width) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Index of the narrowest box within a height, or -1. */
export function cornerUnder({ heights, count }: Curve, height: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((heights[middle] as number) <= height) high = middle;
    else low = middle + 1;
  }
  return low === count ? -1 : low;
}
