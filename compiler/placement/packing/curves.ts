/**
 * Curves of the smallest boxes that hold a part of a floorplan, dense over both sides of the rectangle, in the manner of Stockmeyer:
 *
 *     heightAt[w]   least height in width w        one above the other:  hA[w] + hB[w]
 *     widthAt[h]    least width in height h        side by side:         wA[h] + wB[h]
 */
import type { Problem } from "../problem.ts";
import type { Staircase } from "./staircase.ts";

/** Stands for "does not fit"; two of them add up to a 16-bit number. */
export const never = 32_767;

export interface Block {
  /** least height by width 0..W */
  readonly heightAt: Uint16Array;
  /** least width by height 0..H */
  readonly widthAt: Uint16Array;
}

type Sides = Pick<Problem, "width" | "height">;

export const emptyBlock = ({ width, height }: Sides): Block => ({
  heightAt: new Uint16Array(width + 1).fill(never),
  widthAt: new Uint16Array(height + 1).fill(never),
});

/** The curves of one item. */
export function singleBlock(sides: Sides, stairs: Staircase): Block {
  const block = emptyBlock(sides);
  for (const { width, height } of stairs) block.heightAt[width] = height;
  reconcile(block);
  return block;
}

/** Offers a block what two parts of it need together, one above the other and side by side; `reconcile` ends such offers. */
export function joinInto(block: Block, a: Block, b: Block, { width, height }: Sides): void {
  addCurves(block.heightAt, a.heightAt, b.heightAt, height);
  addCurves(block.widthAt, a.widthAt, b.widthAt, width);
}

/** least[i] = min(least[i], a[i] + b[i]) where the sum is within the limit. */
function addCurves(least: Uint16Array, a: Uint16Array, b: Uint16Array, limit: number): void {
  for (let i = Math.max(1, firstWithin(a, limit), firstWithin(b, limit)); i < least.length; i++) {
    const sum = (a[i] as number) + (b[i] as number);
    if (sum <= limit && sum < (least[i] as number)) least[i] = sum;
  }
}

/** The first index of a falling curve that is at most `limit`; its length where there is none. */
function firstWithin(curve: Uint16Array, limit: number): number {
  let low = 0;
  let high = curve.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((curve[middle] as number) <= limit) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Makes both curves fall, and each as low as the other one allows. */
export function reconcile({ heightAt, widthAt }: Block): void {
  lowerBy(widthAt, heightAt);
  lowerBy(heightAt, widthAt);
}

/** For every box (i, from[i]): to[from[i]] <= i; then `to` is made to fall. */
function lowerBy(to: Uint16Array, from: Uint16Array): void {
  for (let i = from.length - 1; i >= 1; i--) {
    const at = from[i] as number;
    if (at !== never && i < (to[at] as number)) to[at] = i;
  }
  for (let i = 1; i < to.length; i++) if ((to[i - 1] as number) < (to[i] as number)) to[i] = to[i - 1] as number;
}

export const transposed = ({ heightAt, widthAt }: Block): Block => ({ heightAt: widthAt, widthAt: heightAt });
