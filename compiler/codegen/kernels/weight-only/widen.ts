/**
 * Widens strips to f32, as products of many rows read them: a panel's part of a run at a time into scratch memory that stays in a near cache,
 * for all rows that read it. Integers, scales and offsets come together here, (integer - zero point) * scale.
 */
import { type FunctionBuilder, increment, type Local, loopRange, type ModuleBuilder } from "../../wasm/index.ts";
import { hoistTopBytes, pushHalves, pushWidened, type TopBytes } from "./bytes.ts";
import { blockCount, lastBlock, parameterBytes, rowsOf, type StripLayout } from "./strips.ts";

/** True when the last block is shorter than the others. */
export const hasShortBlock = (layout: StripLayout): boolean => layout.inner > 0 && lastBlock(layout) < layout.block;

/** Blocks of the full length. */
export const fullBlocks = (layout: StripLayout): number => blockCount(layout) - (hasShortBlock(layout) ? 1 : 0);

/**
 * Adds a function (source, target, blocks, last) that writes a part of a strip as rows of `vectors` vectors, one for each element of the
 * reduction: so many blocks of the layout's length, and if `last` is not zero the shorter one that follows. It stands apart from the product:
 * V8 spills the product's accumulators when both are in one function (three quarters of the speed).
 */
export function stripWidener(module: ModuleBuilder, layout: StripLayout, vectors: number): number {
  return module.function("widen_strip", { params: ["i32", "i32", "i32", "i32"], results: [] }, (f) => {
    const [from, to, blocks, last] = f.params as [Local, Local, Local, Local];
    const site: Site = { f, layout, vectors, top: hoistTopBytes(f, layout.width), from, to };
    loopRange(f, f.local("i32"), 0, blocks, 1, () => {
      widenBlock(site, layout.block);
    });
    if (!hasShortBlock(layout)) return;
    f.get(last);
    f.if(() => {
      widenBlock(site, lastBlock(layout));
    });
  });
}

interface Site {
  readonly f: FunctionBuilder;
  readonly layout: StripLayout;
  /** vectors of four columns; fewer than the strip has in a ragged one */
  readonly vectors: number;
  readonly top: TopBytes;
  /** cursors */
  readonly from: Local;
  readonly to: Local;
}

/** A block of `elements`; both cursors end behind it. */
function widenBlock(site: Site, elements: number): void {
  const { f, layout, vectors, from, to } = site;
  const rows = rowsOf(layout, elements);
  const scales = parametersAt(site, rows * layout.width);
  const offsets = layout.hasOffsets ? parametersAt(site, (rows + 4) * layout.width) : [];
  const counter = f.local("i32");
  // upper half bytes are the elements from `rows` on; where those are odd in number the last row has none
  const whole = elements - rows;
  const upper = 16 * vectors * rows;
  const all = layout.bits === 8 ? rows : whole;
  loopRange(f, counter, 0, all, 1, () => {
    widenRow(site, scales, offsets, layout.bits === 8 ? [null] : [0, upper]);
  });
  if (all < rows) widenRow(site, scales, offsets, [0]);
  increment(f, from, parameterBytes(layout));
  increment(f, to, 16 * vectors * (elements - rows));
  f.release(counter, ...scales, ...offsets);
}

/** Scales or offsets, one vector for four columns. */
function parametersAt({ f, vectors, from }: Site, offset: number): Local[] {
  return Array.from({ length: vectors }, (_, vector) => {
    const local = f.local("v128");
    f.get(from);
    f.load("v128.load", offset + 16 * vector);
    f.set(local);
    return local;
  });
}

/** One row of the strip: whole bytes (null), or half bytes, the lower and then the upper, at their distances in bytes from the target. */
function widenRow(
  { f, layout, vectors, top, from, to }: Site,
  scales: readonly Local[],
  offsets: readonly Local[],
  targets: readonly (number | null)[],
): void {
  const [row, bytes] = [f.local("v128"), f.local("v128")];
  f.get(from);
  f.load("v128.load");
  f.set(row);
  for (const [half, target] of targets.entries()) {
    if (target === null) f.get(row);
    else pushHalves(f, top, row, half as 0 | 1);
    f.set(bytes);
    for (let vector = 0; vector < vectors; vector++) {
      f.get(to);
      pushWidened(f, top, bytes, vector);
      f.get(scales[vector] as Local);
      f.op("f32x4.mul");
      const offset = offsets[vector];
      if (offset !== undefined) {
        f.get(offset);
        f.op("f32x4.add");
      }
      f.store("v128.store", (target ?? 0) + 16 * vector);
    }
  }
  f.release(row, bytes);
  increment(f, from, layout.width);
  increment(f, to, 16 * vectors);
}
