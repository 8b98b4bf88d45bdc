/** Which cores of a rectangle are free, with questions about boxes answered from sums over its north-west corners. */

/** A box on the rectangle, in cores from its north-west corner. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The common part of two boxes; null when there is none. */
export function overlapOf(a: Box, b: Box): Box | null {
  const x = Math.max(a.x, b.x);
  const y = Math.max(a.y, b.y);
  const width = Math.min(a.x + a.width, b.x + b.width) - x;
  const height = Math.min(a.y + a.height, b.y + b.height) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}

/** True when two boxes that do not overlap have part of a side in common. */
export function touches(a: Box, b: Box): boolean {
  const across = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const along = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return (across === 0 && along > 0) || (along === 0 && across > 0);
}

/** How many parts boxes fall into when those that touch hang together. */
export function partsOf(boxes: readonly Box[]): number {
  const reached = new Set<number>();
  let parts = 0;
  for (const start of boxes.keys()) {
    if (reached.has(start)) continue;
    parts++;
    reached.add(start);
    for (const at of reached) {
      for (const [next, box] of boxes.entries()) {
        if (!reached.has(next) && touches(boxes[at] as Box, box)) reached.add(next);
      }
    }
  }
  return parts;
}

export class Grid {
  readonly width: number;
  readonly height: number;
  /** boxes that are blocked; they may overlap */
  readonly blocked: readonly Box[];
  /** blocked cores in the rows above y and the columns left of x, at y * (width + 1) + x */
  readonly #sums: Int32Array;

  /** A rectangle without the cores of some boxes; boxes may reach beyond it. */
  constructor(width: number, height: number, boxes: readonly Box[]) {
    this.width = width;
    this.height = height;
    const whole: Box = { x: 0, y: 0, width, height };
    this.blocked = boxes.flatMap((box) => overlapOf(box, whole) ?? []);
    this.#sums = sumsOf(width, height, this.blocked);
  }

  /** The same with more boxes blocked. */
  with(boxes: readonly Box[]): Grid {
    return boxes.length === 0 ? this : new Grid(this.width, this.height, [...this.blocked, ...boxes]);
  }

  /** Cores that are not blocked. */
  get free(): number {
    return this.width * this.height - (this.#sums[this.#sums.length - 1] ?? 0);
  }

  /** True when a box lies on the rectangle and none of its cores is blocked. */
  isFree({ x, y, width, height }: Box): boolean {
    return (
      x >= 0 && y >= 0 && x + width <= this.width && y + height <= this.height && this.#count(x, y, width, height) === 0
    );
  }

  #count(x: number, y: number, width: number, height: number): number {
    const stride = this.width + 1;
    const sums = this.#sums;
    const top = y * stride + x;
    const bottom = top + height * stride;
    return (
      (sums[bottom + width] as number) -
      (sums[bottom] as number) -
      (sums[top + width] as number) +
      (sums[top] as number)
    );
  }

  /** All free boxes that cannot be made larger, in the order of their last rows. */
  largestBoxes(): Box[] {
    const boxes: Box[] = [];
    const rows = new Int32Array(this.width + 1);
    const startOf = new Int32Array(this.width + 1);
    const heightOf = new Int32Array(this.width + 1);
    for (let y = 0; y < this.height; y++) {
      for (let x = 0; x < this.width; x++) rows[x] = this.#count(x, y, 1, 1) === 0 ? (rows[x] as number) + 1 : 0;
      let open = 0;
      // the column behind the last one has no free rows and closes all boxes
      for (let x = 0; x <= this.width; x++) {
        const height = x < this.width ? (rows[x] as number) : 0;
        let start = x;
        while (open > 0 && (heightOf[open - 1] as number) > height) {
          open--;
          start = startOf[open] as number;
          const box = {
            x: start,
            y: y - (heightOf[open] as number) + 1,
            width: x - start,
            height: heightOf[open] as number,
          };
          if (!this.isFree({ ...box, height: box.height + 1 })) boxes.push(box);
        }
        if (height > 0 && (open === 0 || (heightOf[open - 1] as number) < height)) {
          startOf[open] = start;
          heightOf[open] = height;
          open++;
        }
      }
    }
    return boxes;
  }
}

function sumsOf(width: number, height: number, boxes: readonly Box[]): Int32Array {
  const stride = width + 1;
  const taken = new Uint8Array(width * height);
  for (const box of boxes) {
    for (let y = box.y; y < box.y + box.height; y++) taken.fill(1, y * width + box.x, y * width + box.x + box.width);
  }
  const sums = new Int32Array(stride * (height + 1));
  for (let y = 0; y < height; y++) {
    let row = 0;
    for (let x = 0; x < width; x++) {
      row += taken[y * width + x] as number;
      sums[(y + 1) * stride + x + 1] = (sums[y * stride + x + 1] as number) + row;
    }
  }
  return sums;
}

/** Greatest width of a free box by its height, 0..height of the grid. */
export function widestByHeight(boxes: readonly Box[], height: number): Int32Array {
  const widest = new Int32Array(height + 2);
  for (const box of boxes) widest[box.height] = Math.max(widest[box.height] as number, box.width);
  for (let h = height; h >= 1; h--) widest[h] = Math.max(widest[h] as number, widest[h + 1] as number);
  return widest;
}
