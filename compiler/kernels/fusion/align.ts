/**
 * Two views of one value side by side: as the producer makes it and as the reader reads it. Reshapes between them split loops, until both
 * lists have the same sizes.
 */
import type { Axis, Loop } from "../../../ir/kernel-graph.ts";

/** A dim that one side goes through with one loop, in another way, or not at all. */
export type Atom =
  | { readonly kind: "loop"; readonly size: number; readonly loop: string }
  | { readonly kind: "whole"; readonly size: number }
  | { readonly kind: "window"; readonly size: number; readonly axis: Extract<Axis, { kind: "index" }> };

export type Alignment =
  | { readonly kind: "pairs"; readonly pairs: readonly (readonly [made: Atom, read: Atom])[] }
  /** a loop must be split first, into so many outer iterations */
  | { readonly kind: "split"; readonly side: "made" | "read"; readonly loop: string; readonly outer: number };

/** Pairs the dims of two views; null where no split makes them alike. */
export function align(
  made: readonly Axis[],
  madeLoops: readonly Loop[],
  read: readonly Axis[],
  readLoops: readonly Loop[],
): Alignment | null {
  const left = atomsOf(made, madeLoops);
  const right = atomsOf(read, readLoops);
  if (left === null || right === null) return null;
  const pairs: [Atom, Atom][] = [];
  while (left.length > 0 || right.length > 0) {
    const a = left.shift();
    const b = right.shift();
    if (a === undefined || b === undefined) return null;
    if (a.size === b.size) pairs.push([a, b]);
    else {
      const [long, short, side] = a.size > b.size ? ([a, b, "made"] as const) : ([b, a, "read"] as const);
      if (long.size % short.size !== 0) return null;
      if (long.kind === "loop") return { kind: "split", side, loop: long.loop, outer: short.size };
      if (long.kind === "window") return null;
      // a part of what is needed whole is needed whole
      const [outer, inner] = [short.size, long.size / short.size].map((size): Atom => ({ kind: "whole", size }));
      const [own, other] = side === "made" ? [left, right] : [right, left];
      own.unshift(outer as Atom, inner as Atom);
      other.unshift(short);
    }
  }
  return { kind: "pairs", pairs };
}

/** The dims of a view but those of size 1; null where elements are dealt out. */
function atomsOf(axes: readonly Axis[], loops: readonly Loop[]): Atom[] | null {
  const atoms: Atom[] = [];
  for (const axis of axes) {
    if (axis.size === 1) continue;
    switch (axis.kind) {
      case "whole":
        atoms.push({ kind: "whole", size: axis.size });
        break;
      case "spread":
        return null;
      case "index":
        atoms.push(...(digitsOf(axis, loops) ?? [{ kind: "window", size: axis.size, axis } as const]));
        break;
    }
  }
  return atoms;
}

/** The loops whose iterations are the digits of every position of an axis, the outermost first; null where they are not. */
function digitsOf({ size, terms, offset }: Extract<Axis, { kind: "index" }>, loops: readonly Loop[]): Atom[] | null {
  if (offset !== 0) return null;
  const sorted = [...terms].sort((a, b) => b.factor - a.factor);
  const digits: Atom[] = [];
  let weight = size;
  for (const { loop, factor } of sorted) {
    const found = loops.find(({ name }) => name === loop);
    if (found === undefined || factor * found.size !== weight) return null;
    digits.push({ kind: "loop", size: found.size, loop });
    weight = factor;
  }
  return weight === 1 ? digits : null;
}
