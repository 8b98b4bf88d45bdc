/** Tiles along a row whose number of pixels is known when it runs: whole ones, then one of what is left. */
import { nth } from "../../../ir/access.ts";
import type { Product } from "../kernels/product/product.ts";
import { type Cursors, emitTile, type TilePanel, type TileRows } from "../kernels/product/tile.ts";
import { type Bound, type FunctionBuilder, increment, type Local, pushBound } from "../wasm/index.ts";
import { copyOf } from "./rows.ts";

/** A panel of columns; `rows` are the pixels of a whole tile. */
export type PixelPanel = TilePanel;

/** `count` pixels from the cursors on, as far apart as `product.x` says. */
export function emitPixels(
  f: FunctionBuilder,
  product: Product,
  bases: Cursors,
  count: Bound,
  panel: PixelPanel,
): void {
  const cursors: Cursors = {
    a: copyOf(f, bases.a),
    out: copyOf(f, bases.out),
    extras: bases.extras.map((extra) => copyOf(f, extra)),
  };
  const left = f.local("i32");
  pushBound(f, count);
  f.set(left);
  const isAtLeast = (pixels: number): void => {
    f.get(left);
    f.i32(pixels);
    f.op("i32.ge_u");
  };
  isAtLeast(panel.rows);
  f.if(() => {
    f.loop((again) => {
      emitTile(f, product, cursors, tileOf(product, panel.rows), panel, null);
      advance(f, product, cursors, panel.rows);
      increment(f, left, -panel.rows);
      isAtLeast(panel.rows);
      f.brIf(again);
    });
  });
  emitRest(f, product, cursors, left, panel.rows - 1, panel);
  f.release(left, cursors.a, cursors.out, ...cursors.extras);
}

/** A tile of exactly what is left, which is at most `most`. */
function emitRest(
  f: FunctionBuilder,
  product: Product,
  cursors: Cursors,
  left: Local,
  most: number,
  panel: PixelPanel,
): void {
  if (most === 0) return;
  f.get(left);
  f.i32(most);
  f.op("i32.eq");
  f.if(
    () => {
      emitTile(f, product, cursors, tileOf(product, most), panel, null);
    },
    () => {
      emitRest(f, product, cursors, left, most - 1, panel);
    },
  );
}

function tileOf({ x, epilogue }: Product, pixels: number): TileRows {
  const along = (stride: number): number[] => Array.from({ length: pixels }, (_, i) => i * stride);
  const { a, out, extras } = x.strides;
  return { a: along(a), out: along(out), extras: epilogue.extras.map((_, i) => along(nth(extras, i))) };
}

function advance(f: FunctionBuilder, { x }: Product, cursors: Cursors, pixels: number): void {
  increment(f, cursors.a, pixels * x.strides.a);
  increment(f, cursors.out, pixels * x.strides.out);
  for (const [i, extra] of cursors.extras.entries()) increment(f, extra, pixels * nth(x.strides.extras, i));
}
