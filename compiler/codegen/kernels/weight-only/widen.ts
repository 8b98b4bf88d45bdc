/**
 * Widens strips to f32, as products of many rows read them: a panel's part of a run at a time into scratch memory that stays in a near cache,
 * for all rows that read it. Integers, scales and offsets come together here, (integer - zero point) * scale.
 */
import { type Bound, type FunctionBuilder, increment, type Local, loopRange } from "../../wasm/index.ts";
import { hoistTopBytes, pushHalves, pushWidened, type TopBytes } from "./bytes.ts";
import { blockCount, lastBlock, parameterBytes, rowsOf, type StripLayout } from "./strips.ts";

/** What of a strip is widened. */
export interface StripPart {
  readonly layout: StripLayout;
  /** vectors of four columns; fewer than the strip has in a ragged one */
  readonly vectors: number;
  /** blocks of the layout's length from `source` on */
  readonly blocks: Bound;
  /** whether the shorter block at the strip's end follows: known while compiling, or an i32 that is not zero */
  readonly hasLast: Local | boolean;
}

/** True when the last block is shorter than the others. */
export const hasShortBlock = (layout: StripLayout): boolean => layout.inner > 0 && lastBlock(layout) < layout.block;

/** Blocks of the full length. */
export const fullBlocks = (layout: StripLayout): number => blockCount(layout) - (hasShortBlock(layout) ? 1 : 0);

/** Writes the part as rows of `vectors` vectors, one for each element of the reduction, from `target` on. */
export function emitWiden(f: FunctionBuilder, source: Local, target: Local, part: StripPart): void {
  const { layout, hasLast } = part;
  const site: Site = { f, part, top: hoistTopBytes(f, layout.width), from: f.local("i32"), to: f.local("i32") };
  f.get(source);
  f.set(site.from);
  f.get(target);
  f.set(site.to);
  const counter = f.local("i32");
  loopRange(f, counter, 0, part.blocks, 1, () => {
    widenBlock(site, layout.block);
  });
  const last = (): void => {
    widenBlock(site, lastBlock(layout));
  };
  if (hasLast === true) last();
  else if (hasLast !== false) {
    f.get(hasLast);
    f.if(last);
  }
  f.release(counter, site.from, site.to, ...site.top.indices, site.top.upper);
}

interface Site {
  readonly f: FunctionBuilder;
  readonly part: StripPart;
  readonly top: TopBytes;
  /** cursors */
  readonly from: Local;
  readonly to: Local;
}

/** A block of `elements`; both cursors end behind it. */
function widenBlock(site: Site, elements: number): void {
  const { f, part, from, to } = site;
  const { layout, vectors } = part;
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
function parametersAt({ f, part, from }: Site, offset: number): Local[] {
  return Array.from({ length: part.vectors }, (_, vector) => {
    const local = f.local("v128");
    f.get(from);
    f.load("v128.load", offset + 16 * vector);
    f.set(local);
    return local;
  });
}

/** One row of the strip: whole bytes (null), or half bytes, the lower and then the upper, at their distances in bytes from the target. */
function widenRow(
  { f, part, top, from, to }: Site,
  scales: readonly Local[],
  offsets: readonly Local[],
  targets: readonly (number | null)[],
): void {
  const { layout, vectors } = part;
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
