/** Tiles along a row whose number of pixels is known when it runs: whole ones, then one of what is left. */
import { nth } from "../../../ir/access.ts";
import { pushOffset } from "../kernels/index-space.ts";
import { storageBytes } from "../../../ir/dtype.ts";
import { panelsOf, type Product, totalSteps } from "../kernels/product/product.ts";
import { type Cursors, emitTile, type TilePanel, type TileRows } from "../kernels/product/tile.ts";
import { type Bound, type FunctionBuilder, increment, type Local, loopRange, pushBound } from "../wasm/index.ts";
import { copyOf } from "./rows.ts";

/** A panel of columns; `rows` are the pixels of a whole tile. */
export type PixelPanel = TilePanel;

/** Where the operands of a product's first panel begin. */
export interface PanelBases extends Cursors {
  readonly b: Local;
}

/** Runs `body` for each panel of columns with its cursors: whole panels in a loop, then the ragged one. Leaves the bases as they are. */
export function overPanels(
  f: FunctionBuilder,
  product: Product,
  bases: PanelBases,
  body: (cursors: Cursors, panel: PixelPanel) => void,
): void {
  const { arith, schedule, columns } = product;
  const panels = panelsOf(columns, schedule.tile.vectors, arith.lanes);
  const vectorBytes = arith.bVectorBytes;
  const b = copyOf(f, bases.b);
  const cursors: Cursors = {
    a: bases.a,
    out: copyOf(f, bases.out),
    extras: bases.extras.map((extra) => copyOf(f, extra)),
  };
  const panel = (width: number, rows: number): PixelPanel => {
    const vectors = Math.ceil(width / arith.lanes);
    return { b, columns: width, vectors, rows, bStep: vectors * vectorBytes, bVector: vectorBytes };
  };
  if (panels.full > 0) {
    const index = f.local("i32");
    loopRange(f, index, 0, panels.full, 1, () => {
      body(cursors, panel(panels.width, schedule.tile.rows));
      increment(f, b, schedule.tile.vectors * vectorBytes * totalSteps(product));
      increment(f, cursors.out, panels.width * storageBytes(product.epilogue.output));
      for (const [i, extra] of cursors.extras.entries()) increment(f, extra, columnBytes(product, i) * panels.width);
    });
    f.release(index);
  }
  if (panels.rest > 0) body(cursors, panel(panels.rest, schedule.tile.restRows));
  f.release(b, cursors.out, ...cursors.extras);
}

const columnBytes = ({ extraPerColumn, epilogue }: Product, index: number): number =>
  nth(extraPerColumn, index) ? storageBytes(nth(epilogue.extras, index)) : 0;

/**
 * `count` pixels from the cursors on, as far apart as `product.x` says. Whole tiles, as long as two of them are left; then two of nearly one height, since
 * a low tile leaves most of the multipliers idle.
 */
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
  const [left, height] = [f.local("i32"), f.local("i32")];
  pushBound(f, count);
  f.tee(left);
  f.if(() => {
    f.loop((again) => {
      setHeight(f, left, height, panel.rows);
      emitTileOf(f, product, cursors, height, panel.rows, panel);
      advance(f, product, cursors, height);
      f.get(left);
      f.get(height);
      f.op("i32.sub");
      f.tee(left);
      f.brIf(again);
    });
  });
  f.release(left, height, cursors.a, cursors.out, ...cursors.extras);
}

/** height = left >= 2 * rows ? rows : left > rows ? ceil(left / 2) : left */
function setHeight(f: FunctionBuilder, left: Local, height: Local, rows: number): void {
  f.i32(rows);
  f.get(left);
  f.i32(1);
  f.op("i32.add");
  f.i32(1);
  f.op("i32.shr_u");
  f.get(left);
  f.get(left);
  f.i32(rows);
  f.op("i32.gt_u");
  f.select("i32");
  f.get(left);
  f.i32(2 * rows);
  f.op("i32.ge_u");
  f.select("i32");
  f.set(height);
}

/** A tile of exactly `height` pixels, which is at most `most`. */
function emitTileOf(
  f: FunctionBuilder,
  product: Product,
  cursors: Cursors,
  height: Local,
  most: number,
  panel: PixelPanel,
): void {
  const tile = (): void => {
    emitTile(f, product, cursors, tileOf(product, most), panel, null);
  };
  if (most === 1) {
    tile();
    return;
  }
  f.get(height);
  f.i32(most);
  f.op("i32.eq");
  f.if(tile, () => {
    emitTileOf(f, product, cursors, height, most - 1, panel);
  });
}

function tileOf({ x, epilogue }: Product, pixels: number): TileRows {
  const along = (stride: number): number[] => Array.from({ length: pixels }, (_, i) => i * stride);
  const { a, out, extras } = x.strides;
  return { a: along(a), out: along(out), extras: epilogue.extras.map((_, i) => along(nth(extras, i))) };
}

/** Moves the cursors by so many pixels. */
function advance(f: FunctionBuilder, { x }: Product, cursors: Cursors, pixels: Local): void {
  const move = (cursor: Local, stride: number): void => {
    f.get(cursor);
    pushOffset(f, pixels, stride);
    f.set(cursor);
  };
  move(cursors.a, x.strides.a);
  move(cursors.out, x.strides.out);
  for (const [i, extra] of cursors.extras.entries()) move(extra, nth(x.strides.extras, i));
}
